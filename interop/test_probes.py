"""Every edge case of the wire, sent to our listening side as bare octets.

The outcomes are decisions of this implementation: another router differs in many of them, and
may be right to.
"""

import random
import time

import pytest

from harness.wire import (
    ABORT,
    CALL,
    ERROR,
    EVENT,
    GOODBYE,
    INVOCATION,
    JSON,
    MESSAGE,
    MSGPACK,
    PING,
    PONG,
    PUBLISH,
    PUBLISHED,
    REGISTER,
    REGISTERED,
    RESULT,
    SUBSCRIBE,
    SUBSCRIBED,
    WELCOME,
    YIELD,
    Closed,
    Wire,
    encode,
    frame,
    header,
    hello,
    message_frame,
    request,
)

VIOLATION = "wamp.error.protocol_violation"
GOODBYE_MESSAGE = [GOODBYE, {}, "wamp.close.close_realm"]
GOODBYE_REASON = "wamp.close.goodbye_and_out"
TOO_BIG = "wamp.error.payload_size_exceeded"

HANDSHAKE_DEADLINE = 5
HELLO_DEADLINE = 10
# What a busy machine may add to a deadline.
SLACK = 4
# Largest frame before WELCOME.
STRANGER_LIMIT = 64 * 1024

serializers = pytest.mark.parametrize("serializer", [JSON, MSGPACK], ids=["json", "msgpack"])


@pytest.fixture(params=["tcp", "unix"])
def wire(request, router):
    """A fresh connection on either transport, nothing sent yet."""
    with Wire(router.urls[request.param]) as connection:
        yield connection


@pytest.fixture
def connect(router):
    """Opens any number of TCP connections."""
    opened = []

    def connect():
        opened.append(Wire(router.urls["tcp"]))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.socket.close()


@pytest.fixture(params=["stranger", "joined"])
def established(request, wire):
    """A connection before HELLO, and one after WELCOME: framing is the same for both."""
    if request.param == "joined":
        wire.join()
        # What would be served here, were the frame around it right.
        wire.servable = encode([SUBSCRIBE, 1, {}, "com.example.probe"])
    else:
        wire.handshake()
        wire.servable = encode(hello())
    return wire


class TestHandshake:
    @serializers
    def test_accepted(self, wire, serializer):
        wire.send(request(serializer))
        assert wire.receive(4) == bytes([0x7F, 0xF0 | serializer, 0, 0])

    @serializers
    @pytest.mark.parametrize("limit", range(16))
    def test_any_limit_of_the_client_is_taken(self, connect, serializer, limit):
        wire = connect()
        wire.send(request(serializer, limit))
        assert wire.receive(4) == bytes([0x7F, 0xF0 | serializer, 0, 0])

    @pytest.mark.parametrize("first", [0x00, 0x10, 0x16, 0x7E, 0x80, 0xFF, ord("G")])
    def test_bad_magic(self, wire, first):
        wire.send(bytes([first, 0xF1, 0, 0]))
        wire.expect_closed()

    def test_bad_magic_alone(self, wire):
        wire.send(b"G")
        wire.expect_closed(HANDSHAKE_DEADLINE - 1)

    def test_http(self, wire):
        wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wire.expect_closed()

    @pytest.mark.parametrize("octets", [(1, 0), (0, 1), (0x80, 0), (0xFF, 0xFF)])
    def test_reserved_octets(self, wire, octets):
        wire.send(bytes([0x7F, 0xF1, *octets]))
        assert wire.until_closed() == b"\x7f\x30\x00\x00"

    def test_serializer_0(self, wire):
        wire.send(b"\x7f\xf0\x00\x00")
        wire.expect_closed()

    @pytest.mark.parametrize("serializer", range(3, 16))
    def test_serializer_unsupported(self, wire, serializer):
        wire.send(request(serializer))
        assert wire.until_closed() == b"\x7f\x10\x00\x00"

    @serializers
    def test_octet_by_octet(self, wire, serializer):
        wire.serializer = serializer
        wire.send_slowly(request(serializer) + message_frame(hello(), serializer))
        assert wire.receive(4) == bytes([0x7F, 0xF0 | serializer, 0, 0])
        wire.expect(WELCOME)

    @serializers
    def test_frame_behind_the_handshake(self, wire, serializer):
        wire.serializer = serializer
        wire.send(request(serializer) + message_frame(hello(), serializer))
        wire.receive(4)
        wire.expect(WELCOME)

    def test_ping_and_hello_behind_the_handshake(self, wire):
        wire.send(request() + frame(PING, b"first") + message_frame(hello()) + frame(PING, b"last"))
        wire.receive(4)
        assert wire.receive_frame() == (PONG, b"first")
        # WELCOME need not overtake or wait for the second PONG; both come.
        frames = [wire.receive_frame() for _ in range(2)]
        assert (PONG, b"last") in frames
        assert {kind for kind, _ in frames} == {PONG, MESSAGE}

    def test_connection_without_a_word(self, wire):
        wire.shut_down()
        wire.expect_closed()

    def test_end_within_the_handshake(self, wire):
        wire.send(b"\x7f\xf1")
        wire.shut_down()
        wire.expect_closed()


class TestDeadlines:
    def test_handshake(self, connect):
        """Silence after 0 to 3 octets, and a trickle that never gets to the fourth."""
        started = time.monotonic()
        silent = [connect() for _ in range(4)]
        for count, wire in enumerate(silent):
            wire.send(request()[:count])
        assert all(wire.is_open_for(0.01) for wire in silent)
        time.sleep(HANDSHAKE_DEADLINE - 1 - (time.monotonic() - started))
        assert all(wire.is_open_for(0.01) for wire in silent), "closed long before the deadline"
        for wire in silent:
            wire.expect_closed(1 + SLACK)
        assert time.monotonic() - started < HANDSHAKE_DEADLINE + SLACK

    def test_hello(self, connect):
        """Silence after the handshake, a HELLO that never ends, and PINGs instead of a HELLO."""
        started = time.monotonic()
        silent, unfinished, pinging = connect(), connect(), connect()
        for wire in (silent, unfinished, pinging):
            wire.handshake()
        unfinished.send(message_frame(hello())[:-1])
        while time.monotonic() - started < HELLO_DEADLINE - 2:
            pinging.ping(b"still here")
            time.sleep(0.5)
        assert silent.is_open_for(0.01) and unfinished.is_open_for(0.01)
        for wire in (silent, unfinished, pinging):
            wire.expect_abort(timeout=2 + SLACK)
        assert time.monotonic() - started < HELLO_DEADLINE + SLACK

    def test_none_for_a_joined_client(self, connect):
        """The deadlines end with WELCOME: an idle client may stay."""
        wire = connect()
        wire.join()
        assert wire.is_open_for(HELLO_DEADLINE + SLACK)
        wire.ping(b"idle")


class TestPing:
    SIZES = [0, 1, 4, 125, 126, 1024]

    @pytest.mark.parametrize("size", [*SIZES, 64 * 1024])
    def test_echo(self, established, size):
        established.ping(random.Random(size).randbytes(size))

    def test_echo_far_above_the_stranger_limit(self, wire):
        wire.join()
        wire.ping(random.Random(1).randbytes(2**20))

    def test_pipelined(self, established):
        choose = random.Random(4)
        sent = [choose.randbytes(choose.choice([*self.SIZES, 3000])) for _ in range(100)]
        established.send(b"".join(frame(PING, payload) for payload in sent))
        assert [established.receive_frame() for _ in sent] == [(PONG, octets) for octets in sent]
        # Exactly one each: nothing is left over.
        established.ping(b"last")

    def test_octet_by_octet(self, established):
        established.send_slowly(frame(PING, b"slow"))
        assert established.receive_frame() == (PONG, b"slow")

    def test_between_messages(self, wire):
        wire.join()
        octets = b""
        for number in range(1, 51):
            octets += message_frame([SUBSCRIBE, number, {}, f"com.example.probe.ping{number}"])
            octets += frame(PING, b"%d" % number)
        wire.send(octets)
        frames = [wire.receive_frame() for _ in range(100)]
        assert [p for kind, p in frames if kind == PONG] == [b"%d" % n for n in range(1, 51)]
        assert sum(kind == MESSAGE for kind, _ in frames) == 50

    def test_longer_than_the_limit(self, wire):
        wire.handshake()
        wire.send(header(PING, STRANGER_LIMIT + 1))
        wire.expect_failed()

    def test_unsolicited_pong(self, established):
        for payload in (b"", b"never asked for", bytes(STRANGER_LIMIT)):
            established.send_frame(PONG, payload)
        established.ping(b"still here")


class TestFrames:
    def test_several_in_one_write(self, wire):
        wire.send(
            request()
            + message_frame(hello())
            + message_frame([SUBSCRIBE, 1, {}, "com.example.probe.many"])
            + message_frame([PUBLISH, 2, {"acknowledge": True}, "com.example.probe.many"])
            + message_frame(GOODBYE_MESSAGE)
        )
        wire.receive(4)
        for kind in (WELCOME, SUBSCRIBED, PUBLISHED, GOODBYE):
            wire.expect(kind)
        wire.expect_closed()

    @pytest.mark.parametrize("kind", range(3, 8))
    @pytest.mark.parametrize("empty", [True, False], ids=["empty", "filled"])
    def test_reserved_type(self, established, kind, empty):
        established.send_frame(kind, b"" if empty else established.servable)
        established.expect_failed()

    @pytest.mark.parametrize("reserved", [1, 2, 4, 8, 15])
    @pytest.mark.parametrize("kind", [MESSAGE, PING, PONG])
    def test_reserved_bits(self, established, reserved, kind):
        payload = established.servable
        established.send(header(kind, len(payload), reserved=reserved) + payload)
        established.expect_failed()

    @pytest.mark.parametrize("kind", [MESSAGE, PING, PONG])
    @pytest.mark.parametrize("length", [1, 2**24 - 1])
    def test_25th_bit_with_a_length(self, established, kind, length):
        established.send(header(kind, length, extra_bit=True))
        established.expect_failed()

    @pytest.mark.parametrize("kind", [MESSAGE, PING, PONG])
    @pytest.mark.parametrize("length", [STRANGER_LIMIT + 1, 2**20, 2**24 - 1, 2**24])
    def test_stranger_announces_too_much(self, wire, kind, length):
        """Closed on the header: the payload never comes."""
        wire.handshake()
        wire.send(header(kind, length))
        wire.expect_failed()

    def test_stranger_may_fill_its_budget(self, wire):
        wire.handshake()
        message = encode([*hello()[:2], {**hello()[2], "x_filler": "x" * (STRANGER_LIMIT - 1024)}])
        assert STRANGER_LIMIT - 1024 < len(message) <= STRANGER_LIMIT
        wire.send_frame(MESSAGE, message)
        wire.expect(WELCOME)

    @pytest.mark.parametrize("length", [2**20, 2**24 - 1, 2**24])
    def test_long_message_of_a_joined_client(self, wire, length):
        """2^24 octets is the length that only the 25th bit can say."""
        wire.join()
        short = encode([PUBLISH, 1, {"acknowledge": True}, "com.example.probe.long", [""]])
        filler = "x" * (length - len(short))
        message = [PUBLISH, 1, {"acknowledge": True}, "com.example.probe.long", [filler]]
        payload = encode(message)
        assert len(payload) == length
        wire.send_frame(MESSAGE, payload)
        assert wire.expect(PUBLISHED, timeout=20)[1] == 1

    def test_end_within_a_frame(self, established):
        established.send(message_frame(hello())[:-3])
        established.shut_down()
        established.expect_failed()

    def test_end_within_a_header(self, established):
        established.send(b"\x00\x00")
        established.shut_down()
        established.expect_failed()

    def test_end_between_frames(self, established):
        established.shut_down()
        established.expect_failed()


# What is no WAMP message, per serializer.
GARBAGE = [
    pytest.param(JSON, b"", id="json-empty"),
    pytest.param(JSON, b"garbage", id="json-words"),
    pytest.param(JSON, b"\xff\xfe\x00\x01", id="json-octets"),
    pytest.param(JSON, b"[", id="json-truncated"),
    pytest.param(JSON, b"[1,\"realm1\",{}", id="json-unclosed"),
    pytest.param(JSON, b"{}", id="json-object"),
    pytest.param(JSON, b"[]", id="json-empty-list"),
    pytest.param(JSON, b'["1"]', id="json-type-is-text"),
    pytest.param(JSON, b"[-1]", id="json-type-is-negative"),
    pytest.param(JSON, b"[999999]", id="json-type-is-unknown"),
    pytest.param(JSON, b"[1]", id="json-hello-without-fields"),
    pytest.param(JSON, b"[1,1,1]", id="json-hello-of-wrong-types"),
    pytest.param(JSON, encode(hello()) + b"]", id="json-trailing"),
    pytest.param(JSON, b"[" * 60_000, id="json-deep"),
    pytest.param(MSGPACK, b"", id="msgpack-empty"),
    pytest.param(MSGPACK, b"\xc1", id="msgpack-reserved"),
    pytest.param(MSGPACK, b"\x93\x01", id="msgpack-truncated"),
    pytest.param(MSGPACK, b"\xdd\xff\xff\xff\xff", id="msgpack-announces-2^32"),
    pytest.param(MSGPACK, b"\x80", id="msgpack-map"),
    pytest.param(MSGPACK, b"\x90", id="msgpack-empty-list"),
    pytest.param(MSGPACK, encode(hello(), MSGPACK) + b"\xc0", id="msgpack-trailing"),
    pytest.param(MSGPACK, b"\x91" * 60_000, id="msgpack-deep"),
]


class TestMessages:
    @pytest.mark.parametrize(("serializer", "payload"), GARBAGE)
    @pytest.mark.parametrize("joined", [False, True], ids=["stranger", "joined"])
    def test_garbage(self, wire, serializer, payload, joined):
        if joined:
            wire.join(serializer)
        else:
            wire.handshake(serializer)
        wire.send_frame(MESSAGE, payload)
        wire.expect_abort(VIOLATION)

    @serializers
    @pytest.mark.parametrize(
        "message",
        [
            [SUBSCRIBE, 1, {}, "com.example.probe"],
            [PUBLISH, 1, {}, "com.example.probe"],
            [CALL, 1, {}, "com.example.probe"],
            [REGISTER, 1, {}, "com.example.probe"],
            [YIELD, 1, {}],
            GOODBYE_MESSAGE,
            [WELCOME, 1, {}],
        ],
        ids=lambda message: str(message[0]),
    )
    def test_message_before_hello(self, wire, serializer, message):
        wire.handshake(serializer)
        wire.send_message(message)
        wire.expect_abort()

    def test_unknown_realm(self, wire):
        wire.handshake()
        wire.send_message(hello("com.example.nowhere"))
        wire.expect_abort("wamp.error.no_such_realm")

    def test_second_hello(self, wire):
        wire.join()
        wire.send_message(hello())
        wire.expect_abort(VIOLATION)

    def test_client_aborts(self, wire):
        wire.handshake()
        wire.send_message([ABORT, {}, "wamp.close.normal"])
        wire.expect_closed()


class TestGoodbye:
    def say_goodbye(self, wire):
        assert wire.expect(GOODBYE)[2] == GOODBYE_REASON
        wire.expect_closed()

    @serializers
    def test_answered_then_closed_by_the_router(self, wire, serializer):
        wire.join(serializer)
        wire.send_message(GOODBYE_MESSAGE)
        self.say_goodbye(wire)

    @serializers
    def test_half_close_behind_goodbye(self, wire, serializer):
        wire.join(serializer)
        wire.send_message(GOODBYE_MESSAGE)
        wire.shut_down()
        self.say_goodbye(wire)

    def test_whole_session_in_one_write(self, wire):
        wire.send(request() + message_frame(hello()) + message_frame(GOODBYE_MESSAGE))
        wire.shut_down()
        wire.receive(4)
        wire.expect(WELCOME)
        self.say_goodbye(wire)

    def test_nothing_after_goodbye_is_served(self, wire):
        wire.join()
        wire.send(
            message_frame(GOODBYE_MESSAGE)
            + message_frame([SUBSCRIBE, 1, {}, "com.example.probe.late"])
        )
        self.say_goodbye(wire)


class TestLimitOfTheClient:
    """What does not fit into the length that a client announced is never sent to it."""

    def registered(self, connect, uri):
        callee = connect()
        callee.join()
        callee.send_message([REGISTER, 1, {}, uri])
        callee.expect(REGISTERED)
        return callee

    def answer(self, callee, *args):
        _, number, *_ = callee.expect(INVOCATION)
        callee.send_message([YIELD, number, {}, list(args)])

    @serializers
    def test_welcome(self, connect, serializer):
        """A WELCOME over 512 octets is withheld; the client hears of it or is let go."""
        wire = connect()
        wire.handshake(serializer, limit=0)
        wire.send_message(hello())
        try:
            kind, payload = wire.receive_frame()
        except Closed:
            return
        assert kind == MESSAGE and len(payload) <= 512

    @serializers
    def test_result(self, connect, serializer):
        uri = f"com.example.probe.result{serializer}"
        callee = self.registered(connect, uri)
        caller = connect()
        caller.join(serializer, limit=1)
        caller.send_message([CALL, 1, {}, uri])
        self.answer(callee, "x" * 2000)
        error = caller.expect(ERROR)
        assert error[1:3] == [CALL, 1] and error[4] == TOO_BIG
        # The session goes on, and what fits is sent.
        caller.send_message([CALL, 2, {}, uri])
        self.answer(callee, "x" * 600)
        assert caller.expect(RESULT)[3] == ["x" * 600]

    def test_invocation(self, connect):
        uri = "com.example.probe.invocation"
        callee, caller = connect(), connect()
        callee.join(limit=1)
        callee.send_message([REGISTER, 1, {}, uri])
        callee.expect(REGISTERED)
        caller.join()
        caller.send_message([CALL, 1, {}, uri, ["x" * 2000]])
        error = caller.expect(ERROR)
        assert error[1:3] == [CALL, 1] and error[4] == TOO_BIG
        caller.send_message([CALL, 2, {}, uri, ["fits"]])
        self.answer(callee, "also fits")
        assert caller.expect(RESULT)[3] == ["also fits"]

    def test_event(self, connect):
        uri = "com.example.probe.event"
        small, large, publisher = connect(), connect(), connect()
        small.join(limit=1)
        large.join()
        publisher.join()
        for subscriber in (small, large):
            subscriber.send_message([SUBSCRIBE, 1, {}, uri])
            subscriber.expect(SUBSCRIBED)
        for number, text in enumerate(["x" * 2000, "fits"], 1):
            publisher.send_message([PUBLISH, number, {"acknowledge": True}, uri, [text]])
            publisher.expect(PUBLISHED)
        assert [large.expect(EVENT)[4] for _ in range(2)] == [["x" * 2000], ["fits"]]
        # The spec lets a router withhold such an event, or send it empty and marked.
        event = small.expect(EVENT)
        if event[3].get("payload_limit_exceeded"):
            assert event[4:] in ([], [[]])
            event = small.expect(EVENT)
        assert event[4] == ["fits"]
