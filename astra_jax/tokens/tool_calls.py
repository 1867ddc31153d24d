"""Reads tool calls out of sampled text. Total: any text gives an answer, and nothing in it is ever evaluated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from data_synthesis.arenas.backend import ParsedCall

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THINK, _THOUGHT = "<think>", "</think>"
_MAX_DEPTH = 32  # readers of the records stop at 200 levels; no tool's arguments come near
_STOPS = ("<|im_end|>", "<|endoftext|>")


@dataclass(frozen=True)
class ParsedTurn:
    """An assistant turn, taken apart. Every `<tool_call>` tag is a call, well formed or not."""

    content: str
    reasoning: str | None
    calls: list[ParsedCall]


def parse(text: str, *, turn: int) -> ParsedTurn:
    """Takes a sampled turn apart into reasoning, content and calls.

    A call's JSON may hold the tags inside its strings. A tag that is never closed ends at the next opening tag or
    with the text. Calls inside reasoning are thoughts, also when the reasoning never ends.

    Args:
        text: the decoded completion, with or without its end-of-turn token.
        turn: counts the assistant turns of the episode; call ids are `call_{turn}_{index}`.
    """
    reasoning, rest = _split_reasoning(_until_stop(text))
    content, position, calls = "", 0, []
    while (start := rest.find(_OPEN, position)) >= 0:
        content += rest[position:start]
        body, position = _body(rest, start + len(_OPEN))
        calls.append(_call(body, f"call_{turn}_{len(calls)}"))
    content += rest[position:]
    return ParsedTurn(_encodable(content.strip()), reasoning, calls)


def _until_stop(text: str) -> str:
    return text[: min((at for stop in _STOPS if (at := text.find(stop)) >= 0), default=len(text))]


def _split_reasoning(text: str) -> tuple[str | None, str]:
    """Reasoning is what leads up to `</think>`; a generation prompt may already have opened it."""
    opened = text.lstrip().startswith(_THINK)
    head, closed, tail = text.partition(_THOUGHT)
    if not opened and (not closed or _OPEN in head):
        return None, text
    return _encodable(head.lstrip().removeprefix(_THINK).strip("\n")), tail


def _body(text: str, begin: int) -> tuple[str, int]:
    """What a call tag encloses, and where reading goes on."""
    after_json = _json_end(text, begin)
    close, reopen = text.find(_CLOSE, after_json), text.find(_OPEN, after_json)
    if close >= 0 and not 0 <= reopen < close:
        return text[begin:close], close + len(_CLOSE)
    end = reopen if reopen >= 0 else len(text)
    return text[begin:end], end


def _json_end(text: str, begin: int) -> int:
    """The end of the JSON value that starts at `begin`, so that tags inside its strings are passed over."""
    try:
        return _DECODER.raw_decode(text, len(text) - len(text[begin:].lstrip()))[1]
    except (ValueError, RecursionError):
        return begin


def _call(body: str, call_id: str) -> ParsedCall:
    value, problem = _decode(body)
    if problem:
        return ParsedCall(call_id, "", None, problem)
    if not isinstance(value, dict):
        return ParsedCall(call_id, "", None, "the call is not a JSON object")
    name = value.get("name")
    if not isinstance(name, str) or not name:
        return ParsedCall(call_id, "", None, "the call has no name")
    arguments = value.get("arguments")
    if isinstance(arguments, str):
        arguments, problem = _decode(arguments)
    if problem or not isinstance(arguments, dict):
        return ParsedCall(call_id, name, None, "the arguments are not a JSON object")
    return ParsedCall(call_id, name, arguments)


def _decode(text: str) -> tuple[Any, str]:
    """The JSON value in `text`, or what is wrong with it."""
    try:
        value = _DECODER.decode(text)
        if _deeper_than(_MAX_DEPTH, value):
            return None, f"the call is nested more than {_MAX_DEPTH} levels deep"
        json.dumps(value, ensure_ascii=False).encode()
        return value, ""
    except json.JSONDecodeError as error:
        return None, f"the call is not valid JSON: {error.msg} at character {error.pos}"
    except UnicodeEncodeError:
        return None, "the call is not valid JSON: it escapes half a character"
    except (ValueError, RecursionError):
        return None, "the call is not valid JSON: a number or the nesting is out of bounds"


def _deeper_than(levels: int, value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper_than(levels - 1, child) for child in children)


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _not_a_number(text)


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _encodable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8; decoded ids never hold them, but any text may come here."""
    return text.encode("utf-8", "replace").decode()


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_not_a_number)
