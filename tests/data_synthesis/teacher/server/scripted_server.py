"""A real HTTP server that answers as a script says: well, badly, late, or never."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, ConfigDict

from data_synthesis.teacher.interface import Prompt

Answer = Callable[["Handler"], None]


class Sum(BaseModel):
    model_config = ConfigDict(extra="forbid")

    total: int


def question(number: int = 0, **unseen: int) -> Prompt[Sum]:
    """
    Args:
        unseen: variables that the words do not show.
    """
    return Prompt("add", "1", {"number": number, **unseen}, Sum, template="What is 1 + $number?")


class Handler(BaseHTTPRequestHandler):
    """`server.script` is taken from the front; its last answer stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send(200, {"object": "list", "data": [{"id": self.server.model, "object": "model"}]})

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.bodies.append(self.body)
            script = self.server.script
            answer = script.pop(0) if len(script) > 1 else script[0]
        try:
            answer(self)
        except OSError:  # the client did not wait
            self.close_connection = True

    def send(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json" if not isinstance(body, bytes) else "text/html")
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


def says(content: str | None, finish: str = "stop", **message: Any) -> Answer:
    """A chat completion of 10 tokens in and 5 out."""
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return lambda handler: handler.send(200, body)


def fails(status: int, body: Any = b"<html>busy</html>", **headers: str) -> Answer:
    return lambda handler: handler.send(status, body, **headers)


def late(seconds: float) -> Answer:
    def answer(handler: Handler) -> None:
        handler.server.over.wait(seconds)
        says('{"total": 1}')(handler)

    return answer


def torn(handler: Handler) -> None:
    """Promises more than it sends, and hangs up."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "1", "cho')
    handler.wfile.flush()
    handler.close_connection = True


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b"1\r\n \r\n")
        handler.wfile.flush()


def flood(status: int) -> Answer:
    """As fast as it is read, without end; `sent` counts its MiB."""

    def answer(handler: Handler) -> None:
        handler.server.sent = 0
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        chunk = b"%x\r\n" % 2**20 + b" " * 2**20 + b"\r\n"
        while not handler.server.over.is_set():
            handler.wfile.write(chunk)
            handler.server.sent += 1

    return answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = (
        256  # connections that wait to be taken: the default of 5 resets the rest on a busy machine
    )

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.over = threading.Event()  # set when the test ends: nobody waits any longer
        self.script: list[Answer] = []
        self.bodies: list[dict] = []
        self.sent = 0
        self.model = "small"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"
