"""The router under test: a process of ours, or one that somebody else started."""

import queue
import shlex
import signal
import subprocess
import threading
import time

from .peer import EXAMPLES

# `{socket}` becomes a fresh path.
COMMAND = (
    f"{shlex.quote(str(EXAMPLES / 'router'))}"
    " --listen tcp://127.0.0.1:0 --listen unix:{socket}"
)
PREFIX = "listening on "


class RunningRouter:
    """A router process, started with a command that prints one line per listener."""

    def __init__(self, command, folder):
        self._log = folder / "router.log"
        arguments = shlex.split(command.format(socket=shlex.quote(str(folder / "router.sock"))))
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log)
        self.pid = self.process.pid
        self.lines = []
        self.urls = {}
        self._queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + 30
        for _ in range(arguments.count("--listen")):
            try:
                line = self._queue.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = "(nothing)"
            if not line.startswith(PREFIX):
                self.process.kill()
                raise RuntimeError(f"the router said {line!r} instead of {PREFIX!r}\n{self.log()}")
            url = line.removeprefix(PREFIX)
            self.urls["unix" if url.startswith("rs://unix:") else "tcp"] = url

    def _read(self):
        for text in self.process.stdout:
            line = text.decode().rstrip("\n")
            self.lines.append(line)
            self._queue.put(line)
        self._queue.put("(end of output)")

    def log(self):
        return self._log.read_text(errors="replace")[-4000:]

    def check(self):
        """Fails when the router is gone."""
        code = self.process.poll()
        assert code is None, f"the router ended with {code}\n{self.log()}"

    def stop(self, with_signal=signal.SIGTERM, timeout=10):
        """Ends the router by a signal and returns its exit code; it is killed if it lingers."""
        self.process.send_signal(with_signal)
        try:
            code = self.process.wait(timeout)
            self._reader.join(timeout)
            return code
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the router ignored {with_signal.name}\n{self.log()}") from None


class ForeignRouter:
    """A router that runs already, known by its URLs only."""

    def __init__(self, urls, pid=None):
        self.pid = pid
        self.urls = {"unix" if url.startswith("rs://unix:") else "tcp": url for url in urls}

    def check(self):
        pass

    def stop(self):
        pass


def resident_memory(pid):
    """VmRSS of a process, in octets."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS for {pid}")
