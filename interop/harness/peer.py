"""Drives one peer process over its stdin and stdout (the line protocol of README.md)."""

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

from .values import from_line, to_line

INTEROP = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", INTEROP.parent / "target"))
EXAMPLES = TARGET / "release" / "examples"

PEERS = {
    "autobahn-asyncio": [sys.executable, str(INTEROP / "autobahn_peer.py"), "asyncio"],
    "autobahn-twisted": [sys.executable, str(INTEROP / "autobahn_peer.py"), "twisted"],
    "ours": [str(EXAMPLES / "interop_peer")],
}

# Seconds. Generous: the machine may be busy, and a case that waits this long fails anyway.
ANSWER = 30


class PeerError(Exception):
    """The peer answered a command with an error."""

    def __init__(self, error):
        super().__init__(f"{error['uri']} {str(error['args'])[:200]} {str(error['kwargs'])[:200]}")
        self.uri = error["uri"]
        self.args_ = from_line(error["args"])
        self.kwargs_ = from_line(error["kwargs"])


class PeerGone(Exception):
    """The peer process ended, or was ended because it did not answer."""


class Peer:
    """One joined client process."""

    def __init__(self, kind, url, serializer, log_folder):
        self.name = f"{kind} {serializer} {url}"
        self._ids = itertools.count(1)
        self._answers = queue.Queue()
        self._events = queue.Queue()
        self._invocations = queue.Queue()
        self.closed = None
        self._log = log_folder / f"{kind}-{serializer}-{id(self):x}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*PEERS[kind], url, "--serializer", serializer],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=INTEROP,
            )
        threading.Thread(target=self._read, daemon=True).start()
        self.session = self.answer(0)["session"]

    def _read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "event" in line:
                self._events.put(line["event"])
            elif "invocation" in line:
                self._invocations.put(line["invocation"])
            elif "closed" in line:
                self.closed = line["closed"]
            else:
                self._answers.put(line)
        self._answers.put(None)
        self._events.put(None)
        self._invocations.put(None)

    def _take(self, from_queue, what, timeout):
        try:
            line = from_queue.get(timeout=timeout)
        except queue.Empty:
            self.kill()
            raise PeerGone(f"{self.name}: no {what} within {timeout} s\n{self.log()}") from None
        if line is None:
            from_queue.put(None)
            raise PeerGone(f"{self.name}: ended, closed: {self.closed}\n{self.log()}")
        return line

    def log(self):
        return self._log.read_text(errors="replace")[-4000:]

    @property
    def alive(self):
        return self.process.poll() is None

    def send(self, op, **fields):
        """Starts a command and returns its id for answer()."""
        number = next(self._ids)
        for key in ("args", "kwargs"):
            if key in fields:
                fields[key] = to_line(fields[key])
        line = json.dumps({"id": number, "op": op, **fields}) + "\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerGone(f"{self.name}: ended, closed: {self.closed}\n{self.log()}") from None
        return number

    def answer(self, number, timeout=ANSWER):
        """The "ok" of that command's answer; raises PeerError for its "error"."""
        line = self._take(self._answers, "answer", timeout)
        assert line["id"] == number, f"{self.name}: answer {line['id']} instead of {number}"
        if "error" in line:
            raise PeerError(line["error"])
        return line["ok"]

    def do(self, op, **fields):
        """One command and its answer."""
        return self.answer(self.send(op, **fields))

    def call(self, procedure, *args, progress=False, **kwargs):
        """A call; returns (args, kwargs) of the result, or (args, kwargs, progress)."""
        result = self.do("call", procedure=procedure, args=args, kwargs=kwargs, progress=progress)
        plain = (from_line(result["args"]), from_line(result["kwargs"]))
        if not progress:
            assert result["progress"] == []
            return plain
        return (*plain, [from_line(part["args"]) for part in result["progress"]])

    def event(self, timeout=ANSWER):
        """The next event, in the order of arrival."""
        event = self._take(self._events, "event", timeout)
        return event | {"args": from_line(event["args"]), "kwargs": from_line(event["kwargs"])}

    def invocation(self, timeout=ANSWER):
        """The next invocation of a procedure that is not quiet."""
        line = self._take(self._invocations, "invocation", timeout)
        return line | {"args": from_line(line["args"]), "kwargs": from_line(line["kwargs"])}

    def forget(self):
        """Drops what earlier cases left unread."""
        for waiting in (self._events, self._invocations):
            while waiting.qsize():
                waiting.get_nowait()

    def kill(self):
        """SIGKILL: the socket goes down without GOODBYE."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class Pool:
    """Peers kept between cases, since a process costs more than a case. The oldest go first."""

    SIZE = 8

    def __init__(self, log_folder):
        self._log_folder = log_folder
        self._peers = {}

    def start(self, kind, url, serializer):
        """A peer of its own, not kept."""
        return Peer(kind, url, serializer, self._log_folder)

    def get(self, role, kind, url, serializer):
        """The peer kept for this role: two roles are two processes, also of one kind."""
        key = (role, kind, url, serializer)
        peer = self._peers.pop(key, None)
        if peer is None or not peer.alive:
            peer = self.start(kind, url, serializer)
        self._peers[key] = peer
        while len(self._peers) > self.SIZE:
            self._peers.pop(next(iter(self._peers))).kill()
        peer.forget()
        return peer

    def close(self):
        for peer in self._peers.values():
            peer.kill()
