"""A run as rounds: what the assistant said and called, with what became of each call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_synthesis.arenas.schema import problems
from data_synthesis.records import AgentRun, Message, RunEvent, ToolCall

SUCCEEDED = frozenset({"ok", "oversized"})
# Another try of the same call may end otherwise after these.
PASSING = frozenset({"timeout", "unreachable", "server_error", "rate_limited", "partial"})


@dataclass(frozen=True)
class Round:
    """An assistant message with calls; `end` is its index among the messages."""

    end: int
    calls: Sequence[ToolCall]
    events: Sequence[RunEvent]


def rounds(run: AgentRun) -> list[Round]:
    """
    Raises:
        ValueError: a call has no event, so nobody knows what became of it.
    """
    events = {event.call_id: event for event in run.events}
    found = []
    for index, message in enumerate(run.messages):
        if message.role == "assistant" and message.tool_calls:
            if unknown := [call.id for call in message.tool_calls if call.id not in events]:
                raise ValueError(f"nothing is known of call {unknown[0]}")
            found.append(Round(index, message.tool_calls, [events[call.id] for call in message.tool_calls]))
    return found


def answer(run: AgentRun) -> Message | None:
    """The last message, if it is the assistant's and says something."""
    last = run.messages[-1] if run.messages else None
    said = last and last.role == "assistant" and not last.tool_calls and last.content.strip()
    return last if said else None


def call_faults(run: AgentRun, found: Sequence[Round]) -> dict[str, str]:
    """Call id -> what a rule finds wrong with the call: it fits no tool, or was made before to no other end."""
    tools = {tool.name: tool for tool in run.tools}
    made: dict[str, RunEvent] = {}
    faults: dict[str, str] = {}
    for call, event in ((c, e) for r in found for c, e in zip(r.calls, r.events, strict=True)):
        if call.name not in tools:
            faults[call.id] = f"there is no tool {call.name!r}"
        elif event.status == "bad_json":
            faults[call.id] = "the arguments are no JSON object"
        elif event.status == "bad_arguments":
            faults[call.id] = "the arguments do not fit the schema"
        elif wrong := problems(call.arguments, _open(tools[call.name].parameters)):
            faults[call.id] = wrong[0]
        elif (
            (before := made.get(_same(call)))
            and before.status not in PASSING
            and before.output == event.output
        ):
            faults[call.id] = "the same call was made before, and nothing else since"
        if event.status in SUCCEEDED and _same(call) not in made:
            made.clear()  # it may have changed something: what was read before may be read again
        made[_same(call)] = event
    return faults


def unmended_failures(found: Sequence[Round]) -> list[str]:
    """Tools of which a call failed, and none succeeded in a later round: what failed may have been mended then."""
    failed: dict[str, int] = {}
    succeeded: dict[str, int] = {}
    for number, each in enumerate(found):
        for event in each.events:
            (succeeded if event.status in SUCCEEDED else failed)[event.name] = number
    return [name for name, last in failed.items() if succeeded.get(name, -1) <= last]


def _same(call: ToolCall) -> str:
    return json.dumps([call.name, call.arguments], sort_keys=True, ensure_ascii=False)


def _open(parameters: Mapping) -> Mapping:
    """A schema that does not close itself is open, as JSON Schema says."""
    return {"additionalProperties": True, **parameters}
