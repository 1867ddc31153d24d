"""A server of chat completions with a fixed latency, a fixed number of slots, and a book of answers.

    python -m benchmarks.completions_server < answers.json      # {"words of the prompt": "answer", ...}

It prints its address, serves until its standard input closes, and like SGLang or vLLM it lets what finds no free
slot wait in a queue. A prompt is looked up without its ` (version N)`, which is put on the sub-questions of the answer:
one book answers many versions of its questions, and no version shares a prompt with another. `GET /load` says how
busy the slots were from the first request to the last answer.

A request with tools gets one or two calls of them, which it reads out of the request, until it holds three results,
and then an answer; one that asks to play a tool, a result. So an agent and its emulator can be served without a book.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

LATENCY_S, SLOTS = 0.2, 64
MODEL = "book"
RESULTS = 3  # of calls, that an agent's run holds before its answer
_PLAY = "You are a tool of this service"
_PLAYED = json.dumps({"is_error": False, "result": {"found": ["one", "two", "three"], "next": "page 2"}})
_VERSION = re.compile(r" \(version (\d+)\)")


def version(text: str, number: int) -> str:
    return f"{text} (version {number})"


class Load:
    """Requests take a slot for the latency, or wait for one. Integrates over time how many slots are taken."""

    def __init__(self) -> None:
        self.requests, self.longest_queue = 0, 0
        self._busy_s, self._busy, self._since = 0.0, 0, 0.0
        self._first, self._last = 0.0, 0.0
        self._queue: deque[Callable[[], None]] = deque()

    def enter(self, answer: Callable[[], None]) -> None:
        self.requests += 1
        self._first = self._first or time.perf_counter()
        if self._busy < SLOTS:
            self._start(answer)
        else:
            self._queue.append(answer)
            self.longest_queue = max(self.longest_queue, len(self._queue))

    def report(self) -> dict[str, float]:
        span = self._last - self._first
        return {
            "requests": self.requests,
            "longest_queue": self.longest_queue,
            "span_s": span,
            "busy": self._busy_s / (span * SLOTS) if span else 0.0,
            "cpu_s": time.process_time(),
        }

    def _start(self, answer: Callable[[], None]) -> None:
        self._change(1)
        asyncio.get_running_loop().call_later(LATENCY_S, self._finish, answer)

    def _finish(self, answer: Callable[[], None]) -> None:
        self._change(-1)
        self._last = self._since
        answer()
        if self._queue:
            self._start(self._queue.popleft())

    def _change(self, by: int) -> None:
        now = time.perf_counter()
        self._busy_s += self._busy * (now - self._since) if self._busy else 0.0
        self._busy, self._since = self._busy + by, now


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time, as the client of a pool of connections speaks it."""

    def __init__(self, book: Mapping[str, str], load: Load):
        self._book, self._load = book, load
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        needed = int(size[1]) if size else 0
        if len(rest) >= needed:
            self._received = rest[needed:]
            self._serve(head, rest[:needed])

    def _serve(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST"):
            answer = completion(message_for(self._book, json.loads(body)))
            self._load.enter(lambda: self._send(answer))
        elif head.startswith(b"GET /load"):
            self._send(self._load.report())
        else:
            self._send({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def _send(self, value: object) -> None:
        if self._transport.is_closing():
            return
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        self._transport.write(head.encode() + data)


def message_for(book: Mapping[str, str], request: dict[str, Any]) -> dict[str, Any]:
    """The assistant's message."""
    messages = request["messages"]
    if tools := request.get("tools"):
        done = sum(message["role"] == "tool" for message in messages)
        if done < RESULTS:
            called = tools[:2] if done == 0 else tools[:1]
            return {"role": "assistant", "content": "I look.", "tool_calls": [_call(t, done) for t in called]}
        return {"role": "assistant", "content": "That is all that there is."}
    if messages[0]["content"].startswith(_PLAY):
        return {"role": "assistant", "content": _PLAYED}
    return {"role": "assistant", "content": answer_from(book, messages)}


def _call(tool: dict[str, Any], number: int) -> dict[str, Any]:
    parameters = tool["function"]["parameters"]
    arguments = {name: f"{name} {number}" for name in parameters.get("properties", {})}
    function = {"name": tool["function"]["name"], "arguments": json.dumps(arguments)}
    return {"id": "call", "type": "function", "function": function}


def answer_from(book: Mapping[str, str], messages: list[dict[str, str]]) -> str:
    words = messages[0]["content"]
    found = _VERSION.search(words)
    answer = book.get(_VERSION.sub("", words), "I do not know.")
    if not found or '"sub_questions"' not in answer:
        return answer
    reply = json.loads(answer)
    for sub in reply["sub_questions"]:
        sub["question"] = version(sub["question"], int(found[1]))
    return json.dumps(reply)


def completion(message: dict[str, Any]) -> dict[str, object]:
    reason = "tool_calls" if message.get("tool_calls") else "stop"
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600},
    }


async def serve(book: Mapping[str, str]) -> None:
    """Serves until standard input closes."""
    load = Load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(book, load), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline())))
