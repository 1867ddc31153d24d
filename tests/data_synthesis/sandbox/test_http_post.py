"""One deadline for the whole answer, however slowly the server sends it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from data_synthesis.sandbox.http_post import Failed, post

OK = b"HTTP/1.1 200 OK\r\n"
PARTS = {
    "status": b"HTTP/1.1 200 " + b"O" * 1000,
    "headers": OK + b"X-Slow: " + b"x" * 1000,
    "body": OK + b"Content-Length: 1000\r\n\r\n" + b" " * 1000,
    "body without a length": OK + b"Connection: close\r\n\r\n" + b" " * 1000,
}


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, int], str]]:
    """Answers one request with given bytes, the first ones at once and then one each 50 ms. Returns its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as ends:

        def serve(answer: bytes, at_once: int) -> str:
            def drip() -> None:
                peer, _ = listening.accept()
                with peer, contextlib.suppress(OSError):
                    peer.recv(1 << 16)
                    peer.sendall(answer[:at_once])
                    for place in range(at_once, len(answer)):
                        peer.sendall(answer[place : place + 1])
                        time.sleep(0.05)

            thread = threading.Thread(target=drip)
            thread.start()
            ends.callback(thread.join)
            return f"http://127.0.0.1:{listening.getsockname()[1]}/"

        yield serve


@pytest.mark.parametrize("answer", PARTS.values(), ids=PARTS)
def test_a_server_that_sends_a_byte_now_and_then_meets_the_deadline(serve, answer):
    url = serve(answer, len(answer) - 990)
    started = time.monotonic()
    with pytest.raises(Failed, match="no answer in time") as failed:
        post(url, b"{}", 1 << 20, started + 0.5)
    assert failed.value.temporary
    assert time.monotonic() - started < 5


def test_an_answer_that_comes_in_pieces_and_in_time_is_whole(serve):
    answer = OK + b"Content-Length: 3\r\n\r\nyes"
    assert post(serve(answer, len(answer) - 3), b"{}", 1 << 20, time.monotonic() + 20) == b"yes"
