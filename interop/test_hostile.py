"""Clients that mean harm: the router's memory stays flat, and others are served as ever."""

import contextlib
import os
import select
import socket
import struct
import time

import pytest

from conftest import start_router
from harness.router import resident_memory
from harness.wire import (
    CALL,
    INVOCATION,
    MESSAGE,
    PING,
    PONG,
    PUBLISH,
    REGISTER,
    REGISTERED,
    RESULT,
    SUBSCRIBE,
    SUBSCRIBED,
    YIELD,
    Closed,
    Wire,
    frame,
    header,
    hello,
    message_frame,
    request,
)

CROWD = 200
MIB = 2**20
# Growth of the router that counts as flat.
FLAT = 8 * MIB
HANDSHAKE_DEADLINE = 5
HELLO_DEADLINE = 10
SLACK = 4


class Victim:
    """A router of the case's own, so that no earlier case has grown its memory."""

    def __init__(self, router):
        self.router = router
        self.url = router.urls["tcp"]
        self.serve()
        # The least of some samples: the two clients may still be on their way out.
        samples = []
        for _ in range(20):
            samples.append(self.open_files())
            time.sleep(0.02)
        self.descriptors = min(samples)

    def connect(self):
        return Wire(self.url)

    def join(self):
        wire = self.connect()
        wire.join()
        return wire

    def memory(self):
        return resident_memory(self.router.pid)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.router.pid}/fd"))

    def peak_memory(self, seconds):
        """The highest of many samples."""
        peak, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            peak = max(peak, self.memory())
            time.sleep(0.02)
        return peak

    def serve(self):
        """Two normal clients and a call between them."""
        with self.connect() as callee, self.connect() as caller:
            callee.join()
            caller.join()
            callee.send_message([REGISTER, 1, {}, "com.example.hostile.echo"])
            callee.expect(REGISTERED)
            caller.send_message([CALL, 1, {}, "com.example.hostile.echo", ["hi"]])
            _, number, _, _, arguments = callee.expect(INVOCATION)
            callee.send_message([YIELD, number, {}, arguments])
            assert caller.expect(RESULT)[3] == ["hi"]

    def recovered(self):
        """Once the attackers are gone: served, and no socket is left behind."""
        self.serve()
        end = time.monotonic() + 5
        while self.open_files() > self.descriptors and time.monotonic() < end:
            time.sleep(0.05)
        assert self.open_files() <= self.descriptors


@pytest.fixture
def victim(request, tmp_path):
    router = start_router(request.config, tmp_path)
    if router.pid is None:
        pytest.skip("memory can only be watched with --router-pid")
    yield Victim(router)
    router.check()
    router.stop()


@pytest.fixture
def crowd():
    """Connections that are closed after the case."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("size", [0, 4, 1024, 64 * 1024])
def test_ping_flood_without_reading(victim, size):
    """The router stops reading, then answers every PING once we do read."""
    frames = 1000 if size <= 1024 else 32
    payloads = [(struct.pack("!I", n) * (size // 4)) for n in range(frames)]
    pings = b"".join(frame(PING, payload) for payload in payloads)
    pongs = b"".join(frame(PONG, payload) for payload in payloads)
    whole = 4 + size

    with victim.connect() as wire:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            wire.socket.setsockopt(socket.SOL_SOCKET, option, 64 * 1024)
        wire.join()
        before = victim.memory()
        wire.socket.setblocking(False)
        sent = 0
        # Blocked means: not one octet in 1.5 s.
        while select.select([], [wire.socket], [], 1.5)[1]:
            at = sent % len(pings)
            sent += wire.socket.send(pings[at : at + 2**18])
            assert sent < 128 * MIB, "the router takes PINGs for ever"
        assert victim.peak_memory(0.5) - before < FLAT
        victim.serve()

        # Now read. A PONG is as long as its PING, so both streams have the same length; the
        # last PING is sent to its end.
        goal = -(-sent // whole) * whole
        received = 0
        while received < goal:
            readable, writable, _ = select.select(
                [wire.socket], [wire.socket] if sent < goal else [], [], 10
            )
            assert readable or writable, f"{goal - received} octets of PONGs are missing"
            if writable:
                at = sent % len(pings)
                sent += wire.socket.send(pings[at : at + goal - sent])
            if readable:
                at = received % len(pongs)
                part = wire.socket.recv(len(pongs) - at)
                assert part, "closed instead of answering"
                assert part == pongs[at : at + len(part)]
                received += len(part)
        wire.ping(b"at last")
    victim.recovered()


@pytest.mark.parametrize("kind", [MESSAGE, PING, PONG])
def test_crowd_of_members_announces_16_mib(victim, crowd, kind):
    wires = [crowd.enter_context(victim.join()) for _ in range(CROWD)]
    before = victim.memory()
    for wire in wires:
        wire.send(header(kind, 2**24) + b"start")
    assert victim.peak_memory(2) - before < FLAT
    assert all(wire.is_open_for(0) for wire in wires), "a legal announcement"
    victim.serve()
    crowd.close()
    victim.recovered()


def test_crowd_of_strangers_announces_its_whole_budget(victim, crowd):
    wires = [crowd.enter_context(victim.connect()) for _ in range(CROWD)]
    for wire in wires:
        wire.handshake()
    before = victim.memory()
    for wire in wires:
        wire.send(header(MESSAGE, 64 * 1024) + b"[1,")
    assert victim.peak_memory(2) - before < FLAT
    victim.serve()
    crowd.close()
    victim.recovered()


def test_crowd_of_strangers_announces_16_mib(victim, crowd):
    """Each is let go on the header."""
    wires = [crowd.enter_context(victim.connect()) for _ in range(CROWD)]
    for wire in wires:
        wire.handshake()
    before = victim.memory()
    for wire in wires:
        wire.send(header(MESSAGE, 2**24))
    for wire in wires:
        wire.expect_failed()
    assert victim.memory() - before < FLAT
    victim.recovered()


def dribble(victim, crowd, octets, pause, deadline):
    """A crowd that sends one octet per `pause` seconds; all are closed by the deadline."""
    wires = [crowd.enter_context(victim.connect()) for _ in range(CROWD)]
    started = time.monotonic()
    before = victim.memory()
    position, waiting = 0, list(wires)
    served = 0
    while waiting:
        elapsed = time.monotonic() - started
        assert elapsed < deadline + SLACK, f"{len(waiting)} of {CROWD} are still connected"
        if elapsed >= position * pause and position < len(octets):
            for wire in waiting:
                with contextlib.suppress(Closed):
                    wire.send(octets[position : position + 1])
            position += 1
            victim.serve()
            served += 1
        for wire in list(waiting):
            if select.select([wire.socket], [], [], 0)[0]:
                try:
                    part = wire.socket.recv(4096)
                except ConnectionResetError:
                    part = b""
                if not part:
                    waiting.remove(wire)
        time.sleep(0.05)
    # Not one of them before its time, or the case has shown nothing.
    assert time.monotonic() - started > deadline - 1
    assert served >= 3
    assert victim.memory() - before < FLAT
    victim.recovered()


def test_slow_handshakes(victim, crowd):
    dribble(victim, crowd, request()[:3], 1.2, HANDSHAKE_DEADLINE)


def test_slow_hellos(victim, crowd):
    octets = request() + message_frame(hello())
    # Never finished: the deadline is up long before.
    dribble(victim, crowd, octets, 0.5, HELLO_DEADLINE)


def test_connections_reset_at_every_stage(victim):
    abrupt = struct.pack("ii", 1, 0)
    stages = [
        b"",
        request()[:2],
        request(),
        request() + b"\0",
        request() + message_frame(hello())[:-1],
        request() + message_frame(hello()),
        request() + message_frame(hello()) + message_frame([REGISTER, 1, {}, "com.example.reset"]),
    ]

    def churn():
        for round_ in range(700):
            wire = victim.connect()
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abrupt)
            octets = stages[round_ % len(stages)]
            wire.send(octets)
            if len(octets) >= 4 and round_ % 2:
                # Not before the router has got this far.
                wire.receive(4)
            wire.socket.close()
        victim.recovered()

    # The first round lets the allocator reach its size.
    churn()
    before = victim.memory()
    churn()
    churn()
    assert victim.memory() - before < FLAT


def test_subscriber_that_never_reads(victim, crowd):
    """128 MiB of events for a client that takes none: its queue is bounded."""
    reader = crowd.enter_context(victim.connect())
    reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    reader.join()
    reader.send_message([SUBSCRIBE, 1, {}, "com.example.hostile.flood"])
    reader.expect(SUBSCRIBED)
    publisher = crowd.enter_context(victim.join())
    before = peak = victim.memory()
    publisher.socket.setblocking(False)
    number, waiting = 0, b""
    # Ends when all is sent, or when the router makes the publisher wait.
    while number < 2048 or waiting:
        if not waiting:
            number += 1
            event = [PUBLISH, number, {}, "com.example.hostile.flood", ["x" * 64 * 1024]]
            waiting = message_frame(event)
        if not select.select([], [publisher.socket], [], 1.5)[1]:
            break
        waiting = waiting[publisher.socket.send(waiting) :]
        peak = max(peak, victim.memory())
    assert max(peak, victim.peak_memory(0.5)) - before < 48 * MIB
    victim.serve()
    crowd.close()
    victim.recovered()
