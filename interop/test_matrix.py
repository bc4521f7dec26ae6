"""Every kind of peer with every other through the router, in every serializer.

`left` calls and publishes, `right` is called and subscribes. The matrix has each ordered pair,
so every peer plays both parts against every other.
"""

import itertools
import random

import pytest

from harness.peer import PeerError

_numbers = itertools.count(1)


@pytest.fixture
def uri():
    """A URI that no other case uses."""
    return f"com.example.case{next(_numbers)}"


@pytest.fixture
def left(pair_of, router, pool):
    transport, kind, serializer, _, _ = pair_of
    return pool.get("left", kind, router.urls[transport], serializer)


@pytest.fixture
def right(pair_of, router, pool):
    transport, _, _, kind, serializer = pair_of
    return pool.get("right", kind, router.urls[transport], serializer)


@pytest.fixture
def spare_right(pair_of, router, pool):
    """A peer like `right` that the case may kill."""
    transport, _, _, kind, serializer = pair_of
    peer = pool.start(kind, router.urls[transport], serializer)
    yield peer
    peer.kill()


def echo(left, right, uri, *args, **kwargs):
    """Calls an echo of `right` and asserts that everything came back as it was."""
    right.do("register", procedure=uri, behaviour="echo", quiet=True)
    assert left.call(uri, *args, **kwargs) == (list(args), kwargs)


def test_call(left, right, uri):
    right.do("register", procedure=uri, behaviour="echo")
    args, kwargs = ["one", 2, [3.5, None, True]], {"four": {"five": [6]}}
    assert left.call(uri, *args, **kwargs) == (args, kwargs)
    assert right.invocation() == {"procedure": uri, "args": args, "kwargs": kwargs}


def test_call_without_arguments(left, right, uri):
    echo(left, right, uri)


def test_error_result(left, right, uri):
    right.do("register", procedure=uri, behaviour="error", uri="com.example.error.refused")
    with pytest.raises(PeerError) as refused:
        left.call(uri, "no", 7, why="ünwilling", detail=[1, 2])
    assert refused.value.uri == "com.example.error.refused"
    assert refused.value.args_ == ["no", 7]
    assert refused.value.kwargs_ == {"why": "ünwilling", "detail": [1, 2]}
    # An error ends the call, not the session or the registration.
    with pytest.raises(PeerError):
        left.call(uri)


def test_unicode(left, right, uri):
    text = 'Grüße, \u4e16\u754c, \U0001f980, "quoted" \\ \u0001 \u2028 e\u0301 \u05e9\u05dc\u05d5\u05dd'
    echo(left, right, uri, text, **{"schlüssel": text})


def test_numbers(left, right, uri):
    integers = [0, -1, 127, 128, -32, -33, 2**31, -(2**31) - 1, 2**53, -(2**53)]
    wide = [2**63 - 1, -(2**63), 2**64 - 1]
    echo(left, right, uri, *integers, *wide, 0.5, -1.25e300, 1e-300)


def test_binary(left, right, uri):
    echo(left, right, uri, b"", bytes(range(256)), nested=[{"octets": b"\0\xff"}])


def test_large_text(left, right, uri):
    letters = "abcdefghijklmnopqrstuvwxyz\u00e9\u4e16"
    text = "".join(random.Random(1).choices(letters, k=2**20))
    echo(left, right, uri, text)


def test_large_binary(left, right, uri):
    echo(left, right, uri, random.Random(2).randbytes(2**20))


def test_pipelined_calls(left, right, uri):
    right.do("register", procedure=uri, behaviour="echo", quiet=True)
    assert left.do("call_many", procedure=uri, count=1000) == {"right": 1000, "wrong": 0}


def test_progressive_results(left, right, uri):
    right.do("register", procedure=uri, behaviour="progress", quiet=True)
    args, kwargs, progress = left.call(uri, 20, progress=True)
    assert progress == [[n] for n in range(20)]
    assert (args, kwargs) == ([20], {})


def test_progress_only_when_asked_for(left, right, uri):
    right.do("register", procedure=uri, behaviour="progress", quiet=True)
    assert left.call(uri, 20) == ([20], {})


def test_publish(left, right, uri):
    subscription = right.do("subscribe", topic=uri)["subscription"]
    args, kwargs = ["größer", 1, b"\0\1"], {"list": [1, [2, [3]]]}
    publication = left.do(
        "publish", topic=uri, args=args, kwargs=kwargs, acknowledge=True
    )["publication"]
    assert right.event() == {
        "topic": uri,
        "subscription": subscription,
        "publication": publication,
        "args": args,
        "kwargs": kwargs,
    }


def test_events_keep_their_order(left, right, uri):
    right.do("subscribe", topic=uri)
    for number in range(100):
        assert left.do("publish", topic=uri, args=[number]) == {"publication": None}
    assert [right.event()["args"] for _ in range(100)] == [[number] for number in range(100)]


def test_large_event(left, right, uri):
    right.do("subscribe", topic=uri)
    octets = random.Random(3).randbytes(2**20)
    left.do("publish", topic=uri, args=[octets], acknowledge=True)
    assert right.event()["args"] == [octets]


def test_publisher_is_excluded_unless_it_asks(left, right, uri):
    for peer in (left, right):
        peer.do("subscribe", topic=uri)
    left.do("publish", topic=uri, args=["to others"], acknowledge=True)
    left.do("publish", topic=uri, args=["to all"], acknowledge=True, exclude_me=False)
    assert [right.event()["args"] for _ in range(2)] == [["to others"], ["to all"]]
    # Events to one subscriber keep the order of publication: the first was not for us.
    assert left.event()["args"] == ["to all"]


def test_unsubscribe(left, right, uri):
    subscription = right.do("subscribe", topic=uri)["subscription"]
    right.do("subscribe", topic=uri + ".marker")
    left.do("publish", topic=uri, args=[1], acknowledge=True)
    assert right.event()["args"] == [1]
    right.do("unsubscribe", subscription=subscription)
    left.do("publish", topic=uri, args=[2], acknowledge=True)
    left.do("publish", topic=uri + ".marker", args=[3], acknowledge=True)
    assert right.event()["args"] == [3]


def test_unregister(left, right, uri):
    registration = right.do("register", procedure=uri, behaviour="echo", quiet=True)["registration"]
    assert left.call(uri, 1) == ([1], {})
    right.do("unregister", registration=registration)
    with pytest.raises(PeerError) as missing:
        left.call(uri, 2)
    assert missing.value.uri == "wamp.error.no_such_procedure"
    # The name is free again.
    echo(left, right, uri, 3)


def test_procedure_is_taken(left, right, uri):
    right.do("register", procedure=uri, behaviour="echo")
    with pytest.raises(PeerError) as taken:
        left.do("register", procedure=uri, behaviour="echo")
    assert taken.value.uri == "wamp.error.procedure_already_exists"


def test_callee_dropped(left, spare_right, uri):
    spare_right.do("register", procedure=uri, behaviour="never")
    pending = left.send("call", procedure=uri, args=["anyone?"])
    assert spare_right.invocation()["args"] == ["anyone?"]
    spare_right.kill()
    with pytest.raises(PeerError) as lost:
        left.answer(pending, timeout=10)
    assert lost.value.uri.startswith("wamp.error.")
    with pytest.raises(PeerError) as missing:
        left.call(uri)
    assert missing.value.uri == "wamp.error.no_such_procedure"
