"""One session: a confined process that loads tools, then answers calls until its channel closes."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import NoReturn

from . import frames, tools

_ENVELOPE_BYTES = 64  # of a reply around its result

# How a session says, without allocating anything, that it broke a bound.
MEMORY_EXIT, OUTPUT_EXIT, CRASH_EXIT = 81, 82, 83


class Discard(io.RawIOBase):
    """Where tools print to. Too much of it in one call ends the session."""

    def __init__(self, limit_bytes: int):
        self.limit_bytes = limit_bytes
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data, /) -> int:
        self.written += len(data)
        if self.written > self.limit_bytes:
            os._exit(OUTPUT_EXIT)
        return len(data)


def start(channel: int, hello: dict, output_bytes: int) -> NoReturn:
    """Says hello on `channel` and, where the process is confined as it should be, serves it."""
    frames.write(channel, json.dumps(hello).encode())
    if hello["ready"]:
        _serve(channel, output_bytes)
    os._exit(0)


def _serve(channel: int, output_bytes: int) -> NoReturn:
    printed = Discard(output_bytes)
    out = io.TextIOWrapper(printed, "utf-8", "backslashreplace", write_through=True)  # type: ignore[arg-type]
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = out  # type: ignore[misc]
    toolbox = tools.Toolbox()
    try:
        while True:
            request = json.loads(frames.read(channel))
            printed.written = 0
            reply = _answer(request, toolbox).encode()
            if len(reply) > output_bytes + _ENVELOPE_BYTES:
                os._exit(OUTPUT_EXIT)
            frames.write(channel, reply)
    except EOFError:
        os._exit(0)
    except MemoryError:
        os._exit(MEMORY_EXIT)
    except BaseException:
        os._exit(CRASH_EXIT)


def _answer(request: dict, toolbox: tools.Toolbox) -> str:
    """`{"id", "result"}` or `{"id", "error", "message"}` as JSON text."""
    try:
        result = _done(request, toolbox)
    except tools.Failure as failure:
        return json.dumps({"id": request["id"], "error": failure.kind, "message": failure.message})
    return f'{{"id":"{request["id"]}","result":{result}}}'


def _done(request: dict, toolbox: tools.Toolbox) -> str:
    if "name" in request:
        return toolbox.call(request["name"], request["arguments"])
    if "load" in request:
        toolbox.load(request["load"], request["traced"])
        return "null"
    return json.dumps(toolbox.usage())
