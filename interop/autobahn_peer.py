"""A scripted WAMP client on Autobahn, for the tests to drive.

    autobahn_peer.py asyncio|twisted URL --serializer json|msgpack|cbor

It joins realm1 over RawSocket, then takes one command per line from stdin, as JSON, and answers
each with one line on stdout. README.md describes the protocol. One process has one event loop,
so the two flavours of Autobahn are two runs of this file.
"""

import argparse
import json
import os
import sys
import threading

import txaio
from autobahn.rawsocket.util import parse_url
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import (
    CallOptions,
    CallResult,
    ComponentConfig,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

from harness.values import from_line, to_line

REALM = "realm1"
# A command line carries at most a few MiB of hexadecimal digits.
MAX_LINE = 64 * 1024 * 1024


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def payload(args, kwargs):
    return {"args": to_line(list(args or ())), "kwargs": to_line(dict(kwargs or {}))}


def describe(failure):
    """An exception as the "error" of an answer."""
    if isinstance(failure, ApplicationError):
        return {"uri": failure.error, **payload(failure.args, failure.kwargs)}
    if isinstance(failure, TransportLost):
        return {"uri": "wamp.close.transport_lost", **payload([str(failure)], {})}
    return {"uri": "peer.failure", **payload([repr(failure)], {})}


def finish(code):
    """Ends the process at once: nothing here needs to be wound up."""
    sys.stdout.flush()
    os._exit(code)


def peer_session(base):
    """The session class, on the ApplicationSession of the flavour in use."""

    class PeerSession(base):
        def __init__(self, config):
            super().__init__(config)
            self.subscriptions = {}
            self.registrations = {}
            self.joined = False
            self.leaving = False
            self.leave_reason = None
            self.closed = txaio.create_future()

        # What Autobahn tells us.

        def onJoin(self, details):
            self.joined = True
            say(id=0, ok={"session": details.session})

        def onLeave(self, details):
            self.leave_reason = details.reason
            return super().onLeave(details)

        def onDisconnect(self):
            if self.leaving:
                txaio.resolve(self.closed, None)
                return
            reason = self.leave_reason or "wamp.close.transport_lost"
            if self.joined:
                say(closed={"reason": reason})
            else:
                say(id=0, error={"uri": reason, "args": [], "kwargs": {}})
            finish(1)

        # What the commands ask for.

        async def command(self, line):
            command = json.loads(line)
            try:
                operation = getattr(self, "do_" + command["op"])
                say(id=command["id"], ok=await operation(command))
            except Exception as failure:  # every failure is an answer
                say(id=command["id"], error=describe(failure))
            if command["op"] == "leave":
                finish(0)

        async def do_subscribe(self, command):
            def on_event(*args, details, **kwargs):
                say(
                    event={
                        "subscription": details.subscription.id,
                        "publication": details.publication,
                        "topic": command["topic"],
                        **payload(args, kwargs),
                    }
                )

            options = SubscribeOptions(details_arg="details")
            subscription = await self.subscribe(on_event, command["topic"], options=options)
            self.subscriptions[subscription.id] = subscription
            return {"subscription": subscription.id}

        async def do_unsubscribe(self, command):
            await self.subscriptions.pop(command["subscription"]).unsubscribe()
            return {}

        async def do_publish(self, command):
            options = PublishOptions(
                acknowledge=command.get("acknowledge", False),
                exclude_me=command.get("exclude_me", True),
            )
            sent = self.publish(
                command["topic"],
                *from_line(command.get("args", [])),
                options=options,
                **from_line(command.get("kwargs", {})),
            )
            publication = (await sent).id if sent is not None else None
            return {"publication": publication}

        async def do_register(self, command):
            procedure = command["procedure"]
            behaviour = command["behaviour"]

            def report(args, kwargs):
                if not command.get("quiet", False):
                    say(invocation={"procedure": procedure, **payload(args, kwargs)})

            def echo(*args, **kwargs):
                report(args, kwargs)
                return CallResult(*args, **kwargs)

            def error(*args, **kwargs):
                report(args, kwargs)
                raise ApplicationError(command["uri"], *args, **kwargs)

            def progress(count, details):
                report([count], {})
                if details.progress is not None:
                    for index in range(count):
                        details.progress(index)
                return CallResult(count)

            def never(*args, **kwargs):
                report(args, kwargs)
                return txaio.create_future()

            endpoint = {"echo": echo, "error": error, "progress": progress, "never": never}
            options = RegisterOptions(details_arg="details") if behaviour == "progress" else None
            registration = await self.register(endpoint[behaviour], procedure, options=options)
            self.registrations[registration.id] = registration
            return {"registration": registration.id}

        async def do_unregister(self, command):
            await self.registrations.pop(command["registration"]).unregister()
            return {}

        async def do_call(self, command):
            progress = []
            options = None
            if command.get("progress", False):
                options = CallOptions(
                    on_progress=lambda *args, **kwargs: progress.append(payload(args, kwargs))
                )
            result = await self.call(
                command["procedure"],
                *from_line(command.get("args", [])),
                options=options,
                **from_line(command.get("kwargs", {})),
            )
            if isinstance(result, CallResult):
                answer = payload(result.results, result.kwresults)
            else:
                answer = payload([] if result is None else [result], {})
            return {**answer, "progress": progress}

        async def do_call_many(self, command):
            pending = [self.call(command["procedure"], n) for n in range(command["count"])]
            right = 0
            for number, call in enumerate(pending):
                try:
                    right += await call == number
                except ApplicationError:
                    pass
            return {"right": right, "wrong": len(pending) - right}

        async def do_leave(self, command):
            self.leaving = True
            self.leave(command.get("reason"))
            await self.closed
            return {"reason": self.leave_reason}

    return PeerSession


def serializer_for(name):
    from autobahn.wamp import serializer

    return {
        "json": serializer.JsonSerializer,
        "msgpack": serializer.MsgPackSerializer,
        "cbor": serializer.CBORSerializer,
    }[name]()


def connect_failed(failure):
    say(id=0, error={"uri": "peer.connect_failed", "args": [str(failure)], "kwargs": {}})
    finish(1)


def run_asyncio(url, serializer_name):
    import asyncio

    txaio.use_asyncio()
    from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
    from autobahn.asyncio.wamp import ApplicationSession

    async def main():
        loop = asyncio.get_running_loop()
        txaio.config.loop = loop
        serializer = serializer_for(serializer_name)
        session = peer_session(ApplicationSession)(ComponentConfig(REALM))
        factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
        _, host, port = parse_url(url)
        try:
            if host == "unix":
                await loop.create_unix_connection(factory, port)
            else:
                await loop.create_connection(factory, host, port)
        except OSError as failure:
            connect_failed(failure)
        commands = asyncio.StreamReader(limit=MAX_LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            await session.command(line)
        finish(0)

    asyncio.run(main())


def run_twisted(url, serializer_name):
    txaio.use_twisted()
    from autobahn.twisted.rawsocket import WampRawSocketClientFactory
    from autobahn.twisted.wamp import ApplicationSession
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred, DeferredQueue
    from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint

    serializer = serializer_for(serializer_name)
    session = peer_session(ApplicationSession)(ComponentConfig(REALM))
    factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
    _, host, port = parse_url(url)
    if host == "unix":
        endpoint = UNIXClientEndpoint(reactor, port)
    else:
        endpoint = TCP4ClientEndpoint(reactor, host, port)

    commands = DeferredQueue()

    # A thread, since Twisted's StandardIO would make our stdout non-blocking.
    def read_commands():
        for line in sys.stdin.buffer:
            reactor.callFromThread(commands.put, line)
        finish(0)

    async def main():
        try:
            await endpoint.connect(factory)
        except Exception as failure:
            connect_failed(failure)
        threading.Thread(target=read_commands, daemon=True).start()
        while True:
            await session.command(await commands.get())

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(main()).addErrback(crash))
    reactor.run()


def crash(failure):
    failure.printTraceback(sys.stderr)
    finish(70)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("flavour", choices=["asyncio", "twisted"])
    parser.add_argument("url")
    parser.add_argument("--serializer", choices=["json", "msgpack", "cbor"], default="json")
    options = parser.parse_args()
    run = run_asyncio if options.flavour == "asyncio" else run_twisted
    run(options.url, options.serializer)
