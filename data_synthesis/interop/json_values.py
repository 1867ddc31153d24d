"""The JSON values of a file, with where they stand: one a line, or indented documents one after the other.

NaN and the infinities, which are not JSON, are read as null: a score that is one of them is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data_synthesis.records import BadRecord


class Numbered(NamedTuple):
    """A value, or what is wrong with it, and its place: a line of a text file, a row of a table."""

    path: Path
    line: int
    value: Any


_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


def json_values(path: Path) -> Iterator[Numbered]:
    """Yields the values in order. A bad line or document is yielded as a `BadRecord`, and reading goes on after it.

    Nothing comes after a bad document. A list of records, as one document, is its elements.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"").strip()
    return _documents(path) if first in (b"{", b"[") else _lines(path)


def _lines(path: Path) -> Iterator[Numbered]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield Numbered(path, number, decoded(path, number, line))


def decoded(path: Path, number: int, line: bytes) -> Any:
    """The JSON value of a line, or the `BadRecord` that says why it has none."""
    try:
        text = line.decode()
        value = _DECODER.decode(text)
        _check_unicode(text, value)
    except json.JSONDecodeError as error:
        return BadRecord(
            path, number, "", f"is not JSON ({error.msg.removesuffix(' at')} at column {error.colno})"
        )
    except (ValueError, RecursionError) as error:
        return _bad(path, number, error)
    return value


def _documents(path: Path) -> Iterator[Numbered]:
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        yield Numbered(path, 1, _bad(path, 1, error))
        return
    at = _next_token(text, 0)
    number = 1 + text.count("\n", 0, at)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
            _check_unicode(text[at:end], value)
        except (ValueError, RecursionError) as error:
            yield Numbered(path, number, _bad(path, number, error))
            return
        for element in value if isinstance(value, list) else [value]:
            yield Numbered(path, number, element)
        start, at = at, _next_token(text, end)
        number += text.count("\n", start, at)


def _next_token(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _check_unicode(text: str, value: Any) -> None:
    """Half of a surrogate pair is a legal escape in JSON, and cannot be written to any file."""
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()


def _bad(path: Path, number: int, error: Exception) -> BadRecord:
    match error:
        case UnicodeDecodeError():
            problem = f"is not UTF-8 ({error.reason})"
        case UnicodeEncodeError():
            problem = "holds half of a surrogate pair, which is no character"
        case json.JSONDecodeError():
            problem = f"is not JSON ({error.msg} at line {error.lineno}, column {error.colno})"
        case RecursionError():
            problem = "is nested too deeply"
        case _:  # Python's limit on the digits of an integer
            problem = f"holds a number that cannot be read ({error})"
    return BadRecord(path, number, "", problem)
