"""A clean end: GOODBYE both ways, the socket closed, nothing of the session left behind."""

import uuid

import pytest

from harness.peer import PeerError


@pytest.fixture
def url_kind_serializer(single_of, router):
    transport, kind, serializer = single_of
    return router.urls[transport], kind, serializer


@pytest.fixture
def start(url_kind_serializer, pool):
    """Starts peers that are killed after the case."""
    started = []
    url, kind, serializer = url_kind_serializer

    def start():
        started.append(pool.start(kind, url, serializer))
        return started[-1]

    yield start
    for peer in started:
        peer.kill()


def test_leave(start):
    peer = start()
    reason = peer.do("leave")["reason"]
    # The answer comes once the socket is closed; it names the reason in the router's GOODBYE.
    assert reason.startswith("wamp.close.")
    assert reason != "wamp.close.transport_lost"
    assert peer.process.wait(timeout=10) == 0


def test_what_left_is_gone(start):
    leaver, stayer = start(), start()
    uri = f"com.example.leave.{uuid.uuid4().hex}"
    leaver.do("register", procedure=uri, behaviour="echo", quiet=True)
    leaver.do("subscribe", topic=uri)
    assert stayer.call(uri, 1) == ([1], {})
    leaver.do("leave")
    with pytest.raises(PeerError) as missing:
        stayer.call(uri, 2)
    assert missing.value.uri == "wamp.error.no_such_procedure"
    stayer.do("publish", topic=uri, acknowledge=True)
    stayer.do("register", procedure=uri, behaviour="echo", quiet=True)
    assert stayer.do("leave")["reason"].startswith("wamp.close.")


def test_sessions_differ(start):
    assert len({start().session for _ in range(4)}) == 4
