"""One call of one tool in a fresh sandbox session: does it give the expected answer?"""

from __future__ import annotations

import json

from pydantic import JsonValue

from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.records import GoldCall
from data_synthesis.sandbox.interface import Breach, CallError, Sandbox

SHOWN_CHARS = 600  # of an output, in the words that go back to the teacher


def problem_of(call: GoldCall, source: str, sandbox: Sandbox, *, deadline: float) -> str:
    """What goes wrong when `call` is made, in words that help to repair `source`; empty if it answers.

    Args:
        deadline: wall-clock seconds of the call.

    Raises:
        SandboxUnavailable: the sandbox failed, not the code.
    """
    try:
        output = _call(call, source, sandbox, deadline)
    except (CallError, Breach) as error:
        return f"the call {_shown(call.arguments)} failed: {type(error).__name__}: {error}"
    if contains_answer(output, call.expected):
        return ""
    return (
        f"the call {_shown(call.arguments)} returned {_shown(output)}, "
        f"which does not contain {_shown(call.expected)}"
    )


def _call(call: GoldCall, source: str, sandbox: Sandbox, deadline: float) -> JsonValue:
    session = sandbox.open({call.tool: source})
    try:
        return session.call(call.tool, call.arguments, deadline)
    finally:
        session.close()


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"
