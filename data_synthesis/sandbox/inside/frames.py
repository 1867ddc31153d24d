"""Frames on a pipe: a four-byte big-endian length, then that many bytes."""

from __future__ import annotations

import os
import struct

HEADER = struct.Struct(">I")


def pack(payload: bytes) -> bytes:
    return HEADER.pack(len(payload)) + payload


def read(descriptor: int) -> bytes:
    """The next frame, waiting as long as it takes. Raises EOFError when the other end is gone."""
    (length,) = HEADER.unpack(_exactly(descriptor, HEADER.size))
    return _exactly(descriptor, length)


def write(descriptor: int, payload: bytes) -> None:
    rest = memoryview(pack(payload))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _exactly(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
