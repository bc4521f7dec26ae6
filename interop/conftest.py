"""Options and fixtures: the router under test, and the peers that talk through it."""

import os

import pytest

from harness.peer import PEERS, Pool
from harness.router import COMMAND, ForeignRouter, RunningRouter


def pytest_addoption(parser):
    group = parser.getgroup("interop")
    group.addoption(
        "--router-command",
        default=os.environ.get("INTEROP_ROUTER_COMMAND", COMMAND),
        help="starts the router; {socket} becomes a fresh Unix socket path",
    )
    group.addoption(
        "--router-url",
        action="append",
        default=[],
        help="a router that runs already: rs://HOST:PORT or rs://unix:PATH; may be repeated",
    )
    group.addoption("--router-pid", type=int, help="its process, for the memory checks")
    group.addoption("--peers", default=",".join(PEERS), help="kinds of peers, comma separated")
    group.addoption("--serializers", default="json,msgpack", help="of json, msgpack and cbor")


def start_router(config, folder):
    urls = config.getoption("--router-url")
    if urls:
        return ForeignRouter(urls, config.getoption("--router-pid"))
    return RunningRouter(config.getoption("--router-command"), folder)


@pytest.fixture(scope="session")
def router(request, tmp_path_factory):
    """The router that all cases share."""
    running = start_router(request.config, tmp_path_factory.mktemp("router"))
    yield running
    running.check()
    running.stop()


@pytest.fixture(scope="session")
def pool(router, tmp_path_factory):
    """The peer processes that cases share."""
    peers = Pool(tmp_path_factory.mktemp("peers"))
    yield peers
    peers.close()


@pytest.fixture(autouse=True)
def router_survives(router):
    """Whatever a case does, the router is there afterwards."""
    router.check()
    yield
    router.check()


def peers_and_serializers(config):
    """What --peers and --serializers ask for; a misspelt one is an error."""
    peers = config.getoption("--peers").split(",")
    serializers = config.getoption("--serializers").split(",")
    for name, known in [(p, PEERS) for p in peers] + [
        (s, ("json", "msgpack", "cbor")) for s in serializers
    ]:
        if name not in known:
            raise pytest.UsageError(f"unknown peer or serializer: {name}")
    return peers, serializers


def transports(config):
    urls = config.getoption("--router-url")
    if not urls:
        return ["tcp", "unix"]
    return sorted({"unix" if url.startswith("rs://unix:") else "tcp" for url in urls})


def pytest_generate_tests(metafunc):
    """The matrix: `pair_of` for two peers, `single_of` for one."""
    peers, serializers = peers_and_serializers(metafunc.config)
    if "pair_of" in metafunc.fixturenames:
        cases = [
            (transport, left, left_serializer, right, right_serializer)
            for transport in transports(metafunc.config)
            for left in peers
            for left_serializer in serializers
            for right in peers
            for right_serializer in serializers
            # The router re-encodes alike whatever the socket: once is enough.
            if transport == "tcp" or left_serializer == right_serializer
        ]
        names = [f"{t}-{l}.{ls}-{r}.{rs}" for t, l, ls, r, rs in cases]
        metafunc.parametrize("pair_of", cases, ids=names, scope="module")
    if "single_of" in metafunc.fixturenames:
        cases = [
            (transport, peer, serializer)
            for transport in transports(metafunc.config)
            for peer in peers
            for serializer in serializers
        ]
        metafunc.parametrize("single_of", cases, ids=["-".join(case) for case in cases])
