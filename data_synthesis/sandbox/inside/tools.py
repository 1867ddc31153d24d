"""Loads tool sources and calls what they define. Untrusted code runs here, so this must run inside a sandbox.

This file imports nothing but its neighbours: the remote sandbox sends their texts along with the sources.
"""

from __future__ import annotations

import inspect
import json
import sys
import types
from collections.abc import Callable
from time import process_time
from typing import Any

from .trace import LineTrace

MESSAGE_CHARACTERS = 2000

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Failure(Exception):
    """A call failed and the session lives on. `kind` is the name of the `CallError` to raise."""

    def __init__(self, kind: str, message: str):
        super().__init__(kind, message)
        self.kind, self.message = kind, message


class Tool:
    """A function from a source of its own namespace."""

    def __init__(self, name: str, source: str):
        self.function = _define(name, source)
        self.signature = _signature(self.function)

    def call(self, arguments: dict) -> str:
        """The result as JSON text. Raises Failure; MemoryError is for the caller, who cannot go on."""
        if self.signature is not None:
            try:
                self.signature.bind(**arguments)
            except TypeError as error:
                raise Failure("BadArguments", describe(error).removeprefix("TypeError: ")) from None
        try:
            result = self.function(**arguments)
        except MemoryError:
            raise
        except BaseException as error:
            raise Failure("ToolRaised", describe(error)) from None
        return encode(result)


class Toolbox:
    """Tools, and what it took to load and to call them."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self._load_seconds = 0.0
        self._call_seconds: list[float] = []
        self._trace: LineTrace | None = None

    def load(self, sources: dict[str, str], traced: bool) -> None:
        """Loads tools, and notes from here on which of their lines are executed where that is asked for."""
        if traced:
            self._trace = LineTrace({_file(name): name for name in sources})
            sys.settrace(self._trace)
        started = process_time()
        self._tools.update({name: Tool(name, source) for name, source in sources.items()})
        self._load_seconds += process_time() - started

    def call(self, name: str, arguments: dict) -> str:
        if name not in self._tools:
            there_are = ", ".join(map(repr, self._tools))
            raise Failure("UnknownTool", f"no tool is named {name!r}; there are {there_are}")
        started = process_time()
        try:
            return self._tools[name].call(arguments)
        finally:
            self._call_seconds.append(process_time() - started)

    def usage(self) -> dict[str, Any]:
        """CPU seconds of loading and of each call, and each tool's executed lines, which are noted no longer."""
        sys.settrace(None)
        executed = self._trace.executed() if self._trace else {}
        lines = {name: executed.get(_file(name), []) for name in self._tools}
        return {"load_seconds": self._load_seconds, "call_seconds": self._call_seconds, "lines": lines}


def encode(value: object) -> str:
    """`value` as JSON text, strictly: no NaN, no keys that are not strings, no half of a surrogate pair."""
    try:
        text = _encoder.encode(value)
        text.encode()
        problem = _odd_key(value)
    except MemoryError:
        raise
    except BaseException as error:
        raise Failure("NotJson", f"the result is not JSON: {describe(error)}") from None
    if problem:
        raise Failure("NotJson", f"the result is not JSON: {problem}")
    return text


def describe(error: BaseException) -> str:
    """`Type: text`, shortened. The text comes from untrusted code, which may fail at that too."""
    try:
        text = f"{type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]
        return text.encode("utf-8", "backslashreplace").decode()
    except MemoryError:
        raise
    except BaseException:
        return "an exception that cannot be described"


def _file(name: str) -> str:
    """What a tool's source is called where a file name is needed."""
    return f"<{name}>"


def _define(name: str, source: str) -> Callable[..., Any]:
    module = types.ModuleType(f"tool.{name}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(source, _file(name), "exec", dont_inherit=True), module.__dict__)
    except MemoryError:
        raise
    except BaseException as error:
        raise Failure(
            "SourceError", f"the source of tool {name!r} does not load: {describe(error)}"
        ) from None
    function = module.__dict__.get(name)
    if callable(function):
        return function
    others = [
        key
        for key, value in module.__dict__.items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    ]
    found = f"it defines {others[0]!r} instead" if len(others) == 1 else f"it defines {len(others)} functions"
    raise Failure("SourceError", f"the source of tool {name!r} defines no function of that name; {found}")


def _signature(function) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # a callable that does not tell: calling it will
        return None


def _odd_key(value: object) -> str:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    return f"the object key {repr(key)[:100]} is not a string"
            rest.extend(item.values())
        elif isinstance(item, list | tuple):
            rest.extend(item)
    return ""
