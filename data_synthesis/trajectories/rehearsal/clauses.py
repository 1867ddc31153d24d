"""Requests that name for each tool what it does and with which values, and can be read back to the calls."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_CLAUSE = re.compile(r"«([^«»(]*)")


@dataclass(frozen=True)
class Clause:
    """One thing to be done: in words, and with which arguments."""

    words: str
    arguments: dict[str, JsonValue]


def in_words(name: str) -> str:
    """`getOrder_by-id` -> `get order by id`."""
    return " ".join(_WORD.findall(name)).lower()


def request(clauses: Sequence[Clause], language: str) -> str:
    """The clauses as one request, in English or Chinese."""
    said = [f"«{clause.words}{_with(clause.arguments)}»" for clause in clauses]
    if language == "zh":
        return "请按顺序帮我完成以下事情并告诉我结果：" + "；然后".join(said) + "。"
    return "Please do this for me and tell me what came of it: " + "; then ".join(said) + "."


def clauses(text: str) -> list[Clause]:
    """What `request` put together, whatever was written around it. Nothing for any other text."""
    found = []
    for match in _CLAUSE.finditer(text):
        if (arguments := _arguments(text, match.end())) is not None:
            found.append(Clause(match[1].strip(), arguments))
    return found


def _with(arguments: dict[str, JsonValue]) -> str:
    return f" ({json.dumps(arguments, ensure_ascii=False)})" if arguments else ""


def _arguments(text: str, start: int) -> dict[str, JsonValue] | None:
    if not text.startswith("(", start):
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start + 1)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
