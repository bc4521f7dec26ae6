"""A bare RawSocket client: octets in, octets out, no help from any WAMP library."""

import json
import select
import socket
import struct
import time

import msgpack

MAGIC = 0x7F
JSON, MSGPACK = 1, 2
MESSAGE, PING, PONG = 0, 1, 2
LIMIT_16M = 15

HELLO, WELCOME, ABORT, GOODBYE, ERROR = 1, 2, 3, 6, 8
PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED, EVENT = 16, 17, 32, 33, 36
CALL, RESULT, REGISTER, REGISTERED, INVOCATION, YIELD = 48, 50, 64, 65, 68, 70

ROLES = {"caller": {}, "callee": {}, "publisher": {}, "subscriber": {}}
REALM = "realm1"

# Seconds for something that ought to happen at once.
PROMPT = 4


class Closed(Exception):
    """The router closed the connection where something else was expected."""


def encode(message, serializer=JSON):
    """A WAMP message in that serializer, unframed."""
    if serializer == JSON:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    return msgpack.packb(message)


def decode(payload, serializer=JSON):
    """The inverse of encode()."""
    return json.loads(payload) if serializer == JSON else msgpack.unpackb(payload)


def header(kind, length, reserved=0, extra_bit=None):
    """A frame header. A length of 2^24 sets the 25th bit unless `extra_bit` says otherwise."""
    if extra_bit is None:
        extra_bit = length == 2**24
    return struct.pack("!I", reserved << 28 | extra_bit << 27 | kind << 24 | length % 2**24)


def frame(kind, payload):
    return header(kind, len(payload)) + payload


def message_frame(message, serializer=JSON):
    return frame(MESSAGE, encode(message, serializer))


def request(serializer=JSON, limit=LIMIT_16M):
    """A client's handshake octets."""
    return bytes([MAGIC, limit << 4 | serializer, 0, 0])


def hello(realm=REALM):
    return [HELLO, realm, {"roles": ROLES}]


class Wire:
    """One connection to the router."""

    def __init__(self, url):
        host, port = url.removeprefix("rs://").split(":", 1)
        if host == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PROMPT)
            self.socket.connect(port)
        else:
            self.socket = socket.create_connection((host, int(port)), timeout=PROMPT)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.serializer = JSON

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Out.

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed("while sending") from None

    def send_slowly(self, octets, pause=0.01):
        """One octet per segment."""
        for octet in octets:
            self.send(bytes([octet]))
            time.sleep(pause)

    def send_frame(self, kind, payload):
        self.send(frame(kind, payload))

    def send_message(self, message):
        self.send(message_frame(message, self.serializer))

    def shut_down(self):
        """Half close: we send no more."""
        self.socket.shutdown(socket.SHUT_WR)

    # In.

    def receive(self, count, timeout=PROMPT):
        """Exactly that many octets."""
        octets = bytearray()
        deadline = time.monotonic() + timeout
        while len(octets) < count:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = self.socket.recv(min(count - len(octets), 2**20))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed(f"after {bytes(octets)!r}")
            octets += part
        return bytes(octets)

    def receive_frame(self, timeout=PROMPT):
        """The next frame: (kind, payload)."""
        (word,) = struct.unpack("!I", self.receive(4, timeout))
        assert word >> 28 == 0, f"reserved bits in a frame header: {word:08x}"
        length = word % 2**24
        if word >> 27 & 1:
            assert length == 0, f"25th bit with a length: {word:08x}"
            length = 2**24
        return word >> 24 & 7, self.receive(length, timeout)

    def receive_message(self, timeout=PROMPT):
        kind, payload = self.receive_frame(timeout)
        assert kind == MESSAGE, f"a frame of type {kind} instead of a message"
        return decode(payload, self.serializer)

    def expect(self, message_type, timeout=PROMPT):
        """The next message, of that type."""
        message = self.receive_message(timeout)
        assert message[0] == message_type, f"{str(message)[:300]} instead of {message_type}"
        return message

    def until_closed(self, timeout=PROMPT):
        """All that still comes before the router closes; fails if it does not close in time."""
        octets = bytearray()
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = self.socket.recv(2**20)
            except ConnectionResetError:
                return bytes(octets)
            except TimeoutError:
                raise AssertionError(
                    f"still open after {timeout} s, sent {bytes(octets[:200])!r}"
                ) from None
            if not part:
                return bytes(octets)
            octets += part

    def expect_closed(self, timeout=PROMPT):
        """Closed, and nothing sent before."""
        octets = self.until_closed(timeout)
        assert octets == b"", f"{octets[:200]!r} before the end"

    def expect_failed(self, timeout=PROMPT):
        """Closed for a fault in the framing: in silence, or with an ABORT as the last word."""
        octets = self.until_closed(timeout)
        if octets:
            (length,) = struct.unpack("!I", octets[:4])
            assert len(octets) == 4 + length, f"{octets[:200]!r} before the end"
            assert decode(octets[4:], self.serializer)[0] == ABORT

    def expect_abort(self, reason=None, timeout=PROMPT):
        """ABORT, then closed."""
        abort = self.expect(ABORT, timeout)
        assert isinstance(abort[1], dict)
        if reason is not None:
            assert abort[2] == reason
        self.expect_closed()
        return abort

    def is_open_for(self, seconds):
        """Nothing comes, not even an end of stream."""
        readable, _, _ = select.select([self.socket], [], [], seconds)
        return not readable

    # Together.

    def handshake(self, serializer=JSON, limit=LIMIT_16M):
        self.serializer = serializer
        self.send(request(serializer, limit))
        reply = self.receive(4)
        assert reply[0] == MAGIC and reply[1] & 15 == serializer and reply[2:] == b"\0\0", reply
        return reply[1] >> 4

    def join(self, serializer=JSON, limit=LIMIT_16M):
        """Handshake, HELLO and WELCOME; returns the session id."""
        self.handshake(serializer, limit)
        self.send_message(hello())
        return self.expect(WELCOME)[1]

    def ping(self, payload):
        """One PING, and its PONG as the very next frame."""
        self.send_frame(PING, payload)
        assert self.receive_frame() == (PONG, payload)
