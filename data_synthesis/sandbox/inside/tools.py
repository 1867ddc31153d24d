"""Loads tool sources and calls what they define. Untrusted code runs here, so this must run inside a sandbox.

This file imports nothing of the project: the remote sandbox sends its text along with the sources.
"""

from __future__ import annotations

import inspect
import json
import sys
import types

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


def load(sources: dict[str, str]) -> dict[str, Tool]:
    return {name: Tool(name, source) for name, source in sources.items()}


def call(tools: dict[str, Tool], name: str, arguments: dict) -> str:
    if name not in tools:
        raise Failure("UnknownTool", f"no tool is named {name!r}; there are {', '.join(map(repr, tools))}")
    return tools[name].call(arguments)


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


def _define(name: str, source: str):
    module = types.ModuleType(f"tool.{name}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(source, f"<{name}>", "exec", dont_inherit=True), module.__dict__)
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
