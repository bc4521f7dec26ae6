"""Application values on the line protocol.

JSON has no binary, so an octet string travels as {"$binary": "hex"}. Everything else is plain
JSON.
"""

BINARY = "$binary"


def to_line(value):
    """A value as it may stand on a line of JSON."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {BINARY: bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [to_line(item) for item in value]
    if isinstance(value, dict):
        return {key: to_line(item) for key, item in value.items()}
    return value


def from_line(value):
    """The inverse of to_line()."""
    if isinstance(value, list):
        return [from_line(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {BINARY}:
            return bytes.fromhex(value[BINARY])
        return {key: from_line(item) for key, item in value.items()}
    return value
