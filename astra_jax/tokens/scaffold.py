"""The text that recurs between the free words of conversations, found by rendering them with the words taken out.

A tool document is mostly JSON punctuation and schema words; a small vocabulary that spends one token on each recurring
piece of it makes prompts several times shorter without changing a character of them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from astra_jax.tokens.templates import END_OF_TURN, TOOLS_HEAD, TOOLS_TAIL, ChatFormat, Span
from data_synthesis.records import Message, ToolSpec, Trajectory

_HOLE, _END = (
    "\ue000",
    "\ue001",
)  # private use: a hole is where a free word was, numbered to keep JSON keys apart
_FREE = re.compile(f'"{_HOLE}n\\d+{_END}"|{_HOLE}s\\d+{_END}')
_TAG = re.compile(r"</?\w+>")
# In a tool's schema, the values of these keys are words of the JSON Schema language, not the author's.
_FIXED_VALUES = ("type", "format")
_MIN_COUNT = 2


def find_scaffold(trajectories: Iterable[Trajectory], format: ChatFormat, limit: int) -> list[str]:
    """The at most `limit` recurring pieces that save the most characters, best first.

    A piece begins and ends beside a letter or digit, never with one, and holds no end-of-turn token, so that it
    neither cuts a word nor reaches across the border between sampled and observed text.
    """
    saved: Counter[str] = Counter({TOOLS_HEAD: _MIN_COUNT, TOOLS_TAIL: _MIN_COUNT})
    for trajectory in trajectories:
        saved.update(piece for span in _masked(trajectory, format) for piece in _pieces(span.text))
    kept = [piece for piece, times in saved.items() if times >= _MIN_COUNT and _is_apart(piece)]
    return sorted(kept, key=lambda piece: (-saved[piece] * (len(piece) - 1), piece))[:limit]


def free_words(text: str, scaffold: Iterable[str]) -> list[str]:
    """What is left of a rendered piece when the scaffold and the end-of-turn tokens are cut out."""
    longest_first = sorted([*scaffold, END_OF_TURN], key=len, reverse=True)
    return [piece for piece in re.split("|".join(map(re.escape, longest_first)), text) if piece]


def _masked(trajectory: Trajectory, format: ChatFormat) -> list[Span]:
    numbers = count()
    messages = [_mask_message(message, numbers) for message in trajectory.messages]
    return format.render(messages, [_mask_tool(tool, numbers) for tool in trajectory.tools])


def _pieces(text: str) -> Iterator[str]:
    """Whole pieces, and the lines of those that have several, for the combinations that training did not meet."""
    for turn in text.split(END_OF_TURN):
        for piece in _FREE.split(turn):
            yield piece
            if "\n" in piece:
                yield from piece.split("\n")


def _is_apart(piece: str) -> bool:
    edges = piece[:1] + piece[-1:]
    return len(piece) > 1 and not any(unicodedata.category(edge)[0] in "LMN" for edge in edges)


def _mask_tool(tool: ToolSpec, numbers: Iterator[int]) -> ToolSpec:
    return ToolSpec.model_validate(_mask_schema(tool.model_dump(), numbers))


def _mask_message(message: Message, numbers: Iterator[int]) -> Message:
    masked = message.model_copy(deep=True)
    masked.content = _mask_text(message.content, numbers)
    if message.reasoning_content:
        masked.reasoning_content = _word(numbers)
    for call in masked.tool_calls:
        call.name = _word(numbers)
        call.arguments = _mask_json(call.arguments, numbers)
    return masked


def _mask_schema(value: Any, numbers: Iterator[int], key: str = "") -> Any:
    """A JSON schema without its author's words: property names, descriptions, examples, choices."""
    if isinstance(value, dict):
        hidden = key == "properties"
        return {
            _word(numbers) if hidden else name: _mask_schema(child, numbers, name)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_mask_schema(child, numbers) for child in value]
    return value if key in _FIXED_VALUES else _mask_json(value, numbers)


def _mask_json(value: Any, numbers: Iterator[int]) -> Any:
    """JSON data without its keys, strings and numbers; only its punctuation and constants are left."""
    if isinstance(value, dict):
        return {_word(numbers): _mask_json(child, numbers) for child in value.values()}
    if isinstance(value, list):
        return [_mask_json(child, numbers) for child in value]
    if isinstance(value, str):
        return _word(numbers) if value else ""
    if isinstance(value, bool) or value is None:
        return value
    return f"{_HOLE}n{next(numbers)}{_END}"


def _mask_text(text: str, numbers: Iterator[int]) -> str:
    """Text line by line: a tag stays, JSON (a tool's output, a revealed tool) keeps its punctuation."""
    return "\n".join(_mask_line(line, numbers) for line in text.split("\n"))


def _mask_line(line: str, numbers: Iterator[int]) -> str:
    if not line or _TAG.fullmatch(line):
        return line
    try:
        value = json.loads(line)
    except ValueError:
        return _word(numbers)
    for separators in ((", ", ": "), (",", ":")):
        if json.dumps(value, ensure_ascii=False, separators=separators) == line:
            masked = _mask_schema(value, numbers) if _is_tool(value) else _mask_json(value, numbers)
            return json.dumps(masked, ensure_ascii=False, separators=separators)
    return _word(numbers)


def _is_tool(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "function"


def _word(numbers: Iterator[int]) -> str:
    return f"{_HOLE}s{next(numbers)}{_END}"
