"""The router program: what it prints, and how it ends."""

import signal

import pytest

from harness.router import RunningRouter
from harness.wire import Wire


@pytest.fixture
def own_router(request, tmp_path):
    if request.config.getoption("--router-url"):
        pytest.skip("a router that we did not start is not ours to end")
    router = RunningRouter(request.config.getoption("--router-command"), tmp_path)
    yield router
    if router.process.poll() is None:
        router.process.kill()
        router.process.wait()


def test_one_line_per_listener(own_router, tmp_path):
    assert own_router.urls["unix"] == f"rs://unix:{tmp_path / 'router.sock'}"
    assert own_router.urls["tcp"].startswith("rs://127.0.0.1:")
    assert not own_router.urls["tcp"].endswith(":0")
    for url in own_router.urls.values():
        with Wire(url) as wire:
            wire.join()
    own_router.stop()
    assert len(own_router.lines) == 2


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_ends_by_a_signal(own_router, with_signal):
    with Wire(own_router.urls["tcp"]) as member, Wire(own_router.urls["unix"]) as stranger:
        member.join()
        stranger.handshake()
        own_router.stop(with_signal)
        # Whatever is said first, both connections end.
        member.until_closed()
        stranger.until_closed()


