"""One HTTP POST under one deadline."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit


class Failed(Exception):
    """No usable answer came. `temporary` says whether asking again can help."""

    def __init__(self, problem: str, *, temporary: bool):
        super().__init__(problem)
        self.temporary = temporary


def post(url: str, body: bytes, largest_answer: int, give_up: float) -> bytes:
    """Posts JSON to `url` and returns the answer's body.

    Args:
        largest_answer: bytes; a longer answer is a failure.
        give_up: a time on the monotonic clock.

    Raises:
        Failed: no connection, no answer in time, a status other than 200, an answer too long.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_remaining(give_up))
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.connect()
        with _hung_up_at(give_up, connection.sock):
            connection.request("POST", target, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = _read(response, largest_answer)
    except (OSError, http.client.HTTPException) as error:
        _remaining(give_up)
        raise Failed(f"{type(error).__name__}: {error}", temporary=True) from error
    finally:
        connection.close()
    if response.status != 200:
        temporary = response.status >= 500 or response.status == 429
        raise Failed(f"HTTP status {response.status}: {answer[:200]!r}", temporary=temporary)
    return answer


@contextlib.contextmanager
def _hung_up_at(give_up: float, connected: socket.socket) -> Iterator[None]:
    """Shuts the socket down when the time has come, which ends every wait for it.

    A socket's own timeout is for each read: a server that sends a byte now and then never meets it.

    Raises:
        Failed: the time has come; what was read may be cut off.
    """

    def hang_up() -> None:
        with contextlib.suppress(OSError):  # it is closed already
            connected.shutdown(socket.SHUT_RDWR)

    alarm = threading.Timer(_remaining(give_up), hang_up)
    alarm.daemon = True
    alarm.start()
    try:
        yield
        _remaining(give_up)
    finally:
        alarm.cancel()


def _read(response: http.client.HTTPResponse, largest: int) -> bytes:
    answer = bytearray()
    while part := response.read1(1 << 16):
        answer += part
        if len(answer) > largest:
            raise Failed(f"the answer is longer than {largest} bytes", temporary=False)
    return bytes(answer)


def _remaining(give_up: float) -> float:
    remaining = give_up - time.monotonic()
    if remaining <= 0:
        raise Failed("no answer in time", temporary=True)
    return remaining
