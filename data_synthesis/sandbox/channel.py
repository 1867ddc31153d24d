"""The owner's end of a session's channel: frames with a deadline."""

from __future__ import annotations

import socket
import time
from typing import Any

from . import replies
from .inside import frames


class TooLong(Exception):
    """The other end announced a frame above the cap."""


class Channel:
    """Everything that arrives here was written by an untrusted process."""

    def __init__(self, end: socket.socket):
        self._end = end
        self._received = bytearray()

    def send(self, message: bytes, give_up: float) -> None:
        """Sends a frame. `give_up` is a time on the monotonic clock.

        Raises:
            TimeoutError: the other end did not take it in time.
            EOFError: the other end is gone.
        """
        self._end.settimeout(_remaining(give_up))
        try:
            self._end.sendall(frames.pack(message))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EOFError from error

    def receive(self, cap: int, give_up: float) -> Any:
        """The JSON value of the next frame of at most `cap` bytes.

        Raises:
            TimeoutError: it did not come in time.
            EOFError: the other end is gone.
            TooLong: the frame is above the cap.
            replies.Malformed: the frame is not strict JSON.
        """
        self._fill(frames.HEADER.size, give_up)
        (length,) = frames.HEADER.unpack_from(self._received)
        if length > cap:
            raise TooLong(f"{length} bytes")
        end = frames.HEADER.size + length
        self._fill(end, give_up)
        body = bytes(self._received[frames.HEADER.size : end])
        del self._received[:end]
        return replies.parse(body)

    def close(self) -> None:
        self._end.close()

    def _fill(self, size: int, give_up: float) -> None:
        while len(self._received) < size:
            self._end.settimeout(_remaining(give_up))
            try:
                part = self._end.recv(1 << 18)
            except ConnectionResetError as error:
                raise EOFError from error
            if not part:
                raise EOFError
            self._received += part


def _remaining(give_up: float) -> float:
    remaining = give_up - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
