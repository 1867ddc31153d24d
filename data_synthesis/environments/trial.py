"""One call of one tool in a fresh sandbox session: does it give the expected answer?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches

from pydantic import JsonValue

from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.records import GoldCall
from data_synthesis.sandbox.interface import Breach, CallError, Sandbox

SHOWN_CHARS = 600  # of an output, in the words that go back to the teacher

# Runs instead of the source where that raised: the same tool, which says in which of its lines.
_TRACED = """


def _traced(tool):
    def call(**arguments):
        try:
            return tool(**arguments)
        except Exception as error:
            lines, trace = [], error.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == tool.__code__.co_filename:
                    lines.append(str(trace.tb_lineno))
                trace = trace.tb_next
            raise RuntimeError(f"<at {','.join(lines[1:])}>") from None

    call.__wrapped__ = tool
    return call


NAME = _traced(NAME)
"""
_AT = re.compile(r"<at ([\d,]+)>")


def problem_of(call: GoldCall, source: str, sandbox: Sandbox, *, deadline: float) -> str:
    """What goes wrong when `call` is made, in words that help to repair `source`; empty if it answers.

    A tool that raised is named the lines where it did; a wrong output, what is missing in it and what comes close.

    Args:
        deadline: wall-clock seconds of the call.

    Raises:
        SandboxUnavailable: the sandbox failed, not the code.
    """
    try:
        output = _call(call, source, sandbox, deadline)
    except (CallError, Breach) as error:
        where = _place(call, source, sandbox, deadline) if isinstance(error, CallError) else ""
        return f"the call {_shown(call.arguments)} failed: {type(error).__name__}: {error}{where}"
    if contains_answer(output, call.expected):
        return ""
    return (
        f"the call {_shown(call.arguments)} returned {_shown(output)}, {_difference(output, call.expected)}"
    )


def _call(call: GoldCall, source: str, sandbox: Sandbox, deadline: float) -> JsonValue:
    session = sandbox.open({call.tool: source})
    try:
        return session.call(call.tool, call.arguments, deadline)
    finally:
        session.close()


def _place(call: GoldCall, source: str, sandbox: Sandbox, deadline: float) -> str:
    """The lines on the way to where the tool raised; nothing where it did not get that far."""
    try:
        _call(call, source + _TRACED.replace("NAME", call.tool), sandbox, deadline)
    except (CallError, Breach) as error:
        if found := _AT.search(str(error)):
            text = source.splitlines()
            numbers = [int(number) for number in found[1].split(",")]
            return "".join(f"; line {n}: `{text[n - 1].strip()}`" for n in numbers if n <= len(text))
    return ""


def _difference(output: JsonValue, expected: JsonValue) -> str:
    parts = expected if isinstance(expected, list) else [expected]
    missing = [part for part in parts if not contains_answer(output, part)] or parts
    words = [str(value) for value in _scalars(output)]
    close = [near for part in missing for near in get_close_matches(str(part), words, n=1)]
    nearest = f"; the nearest to it is {_shown(close[0])}" if close else ""
    whole = "" if missing == parts else f" (of {_shown(expected)})"
    return f"which does not contain {', '.join(map(_shown, missing))}{whole}{nearest}"


def _scalars(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _scalars(part)
    else:
        yield value


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"
