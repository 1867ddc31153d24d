"""Reads what untrusted processes answer: `{"result": ...}` or `{"error": kind, "message": text}`, as strict JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import JsonValue

from .interface import BadArguments, CallError, NotJson, SourceError, ToolRaised, UnknownTool, Usage

ENVELOPE_BYTES = 1 << 15  # of a reply around its result, or of an error message
_CALL_ERRORS: dict[str, type[CallError]] = {
    error.__name__: error for error in (SourceError, UnknownTool, BadArguments, ToolRaised, NotJson)
}


class Malformed(Exception):
    """What came is not a reply."""


def parse(text: bytes) -> Any:
    """The JSON value of `text`. Raises Malformed: not UTF-8, not JSON, NaN, a number too large, nested too deep."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def result(reply: Any) -> JsonValue:
    """The result in a reply. Raises the CallError that it tells of, or Malformed."""
    if isinstance(reply, dict) and "result" in reply:
        return reply["result"]
    error = _CALL_ERRORS.get(str(reply.get("error"))) if isinstance(reply, dict) else None
    if error is None:
        raise Malformed("neither a result nor an error")
    raise error(str(reply.get("message")))


def usage(said: Any) -> Usage:
    """What a session says that it used. Raises Malformed."""
    try:
        lines = {str(tool): frozenset(map(int, found)) for tool, found in said["lines"].items()}
        return Usage(float(said["load_seconds"]), tuple(map(float, said["call_seconds"])), lines)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"not an account of what was used: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:30]} is too large a number")
    return number
