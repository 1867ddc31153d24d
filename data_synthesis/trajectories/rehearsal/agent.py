"""An agent without a model: it does what was written down for a request, or what the request spells out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, ToolSpec
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.rehearsal.clauses import Clause, clauses, in_words
from data_synthesis.trajectories.rehearsal.script import Rehearsals, WrittenTask
from data_synthesis.trajectories.runs.interface import Situation, Turn

_MOST_QUOTED = 200  # characters of a result in the answer
_TRIES = 3  # of one call
_PASSING = ("timed out", "unreachable", "rate limit", "try again", "503", "502", "500")


class RehearsedAgent:
    """Reads the conversation each time anew, as a model does, and knows nothing else of the run."""

    name = "rehearsed"

    def __init__(self, rehearsals: Rehearsals):
        self._rehearsals = rehearsals
        self._turns = 0

    async def turn(self, situation: Situation) -> Turn:
        """
        Raises:
            TeacherError: nothing was written down for this request, and it spells nothing out.
        """
        self._turns += 1
        said = [message for message in situation.messages if message.role == "assistant"]
        if written := self._rehearsals.of_query(situation.task.query):
            return _written(written, len(said))
        if wanted := clauses(situation.task.query):
            return _spelled_out(wanted, situation)
        raise TeacherError(f"no rehearsal of the request {situation.task.query[:80]!r}")

    def usage(self) -> dict[str, Any]:
        return {"turns": self._turns}

    async def close(self) -> None:
        """There is nothing to let go."""


def _written(task: WrittenTask, turn: int) -> Turn:
    if turn >= len(task.turns):
        raise TeacherError(f"the rehearsal of {task.query[:80]!r} has only {len(task.turns)} turns")
    now = task.turns[turn]
    return Turn(now.say, now.think, [ParsedCall("", call.name, call.arguments) for call in now.calls])


def _spelled_out(wanted: Sequence[Clause], situation: Situation) -> Turn:
    """The first thing that has no result yet, again where the tool was out of reach; then the answer."""
    tried = _tried(situation.messages)
    chinese = situation.task.language == "zh"
    for clause in wanted:
        name = _tool(clause, situation.tools)
        results = tried.get((name, json.dumps(clause.arguments, sort_keys=True)), [])
        if not results or (_passing(results[-1]) and len(results) < _TRIES):
            say = f"我先{clause.words}。" if chinese else f"Next: {clause.words}."
            return Turn(say, None, [ParsedCall("", name, clause.arguments)])
    return Turn(_answer(wanted, situation, tried, chinese))


def _answer(wanted: Sequence[Clause], situation: Situation, tried: dict, chinese: bool) -> str:
    lines = []
    for clause in wanted:
        key = (_tool(clause, situation.tools), json.dumps(clause.arguments, sort_keys=True))
        result = tried[key][-1][:_MOST_QUOTED]
        if _passing(result):
            lines.append(
                f"- {clause.words}：失败，{result}" if chinese else f"- {clause.words}: failed, {result}"
            )
        else:
            lines.append(f"- {clause.words}：结果是{result}" if chinese else f"- {clause.words}: {result}")
    return (("结果如下：\n" if chinese else "This is what came of it:\n") + "\n".join(lines)).strip()


def _tool(clause: Clause, tools: Sequence[ToolSpec]) -> str:
    found = [tool.name for tool in tools if in_words(tool.name) == clause.words]
    if not found:
        raise TeacherError(f"no tool does {clause.words!r}")
    return found[0]


def _tried(messages: Sequence[Message]) -> dict[tuple[str, str], list[str]]:
    """Call -> its results so far."""
    results = {m.tool_call_id: m.content for m in messages if m.role == "tool"}
    tried: dict[tuple[str, str], list[str]] = {}
    for call in (call for message in messages for call in message.tool_calls):
        key = (call.name, json.dumps(call.arguments, sort_keys=True))
        tried.setdefault(key, []).append(results.get(call.id, ""))
    return tried


def _passing(result: str) -> bool:
    """Whether a result reads like a failure that another try may not meet."""
    return result.lower().startswith("error") and any(sign in result.lower() for sign in _PASSING)
