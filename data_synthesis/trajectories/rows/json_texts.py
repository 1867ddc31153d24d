"""JSON that stands in a text inside JSON: other people's rows keep arguments, tools and whole transcripts so."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from data_synthesis.pipeline import Rejected


def unpacked(value: Any, kind: type, reason: str, what: str) -> Any:
    """The object or list that `value` is, or that it holds as JSON.

    Args:
        kind: `dict` or `list`.
        reason: the code of a value that is neither.
        what: what it is, for people.

    Raises:
        Rejected: `reason`.
    """
    if isinstance(value, str):
        value = _decoded(value, reason, what)
    if not isinstance(value, kind):
        shape = "object" if kind is dict else "list"
        raise Rejected(reason, f"{what} must be a JSON {shape}, not {str(value)[:80]!r}")
    return value


def packed(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _decoded(text: str, reason: str, what: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text or "\\uD" in text:  # half of a surrogate pair can be read, and not written
            packed(value).encode()
    except (ValueError, RecursionError) as error:
        raise Rejected(reason, f"{what} cannot be read as JSON ({error}): {text[:80]!r}") from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
