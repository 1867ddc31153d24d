"""Tools that a teacher plays: it remembers what it said, and some calls fail on purpose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.arenas.schema import value_problems
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.replies import Reply
from data_synthesis.environments.wordings import Wording
from data_synthesis.pipeline import Rejected
from data_synthesis.records import RunEvent, ServerTool, StateChange, Task, ToolServer, content_hash
from data_synthesis.teacher.interface import Prompt, Teacher, TeacherError
from data_synthesis.trajectories.runs.failures import Injector, failed
from data_synthesis.trajectories.runs.refusals import event, refusal
from data_synthesis.trajectories.tasks.prompts import about

EMULATE = Wording(
    "emulate_tool",
    "1",
    """\
You are a tool of this service: $server

The tool: $tool
What the service has done and said so far, oldest first; a call that failed to arrive did nothing: $history
What the person who is being helped wants, if it may be known: $wish

This call arrives: $call

Answer with what the tool returns: `result` as its document says, and `is_error` true where a real service would refuse
the call, with the reason as `result`. Stay true to everything said so far: the same things have the same names, ids
and values, and what was changed stays changed. Be concrete and realistic, and no longer than needed.
""",
)


class EmulatedReply(Reply):
    is_error: bool = False
    result: JsonValue


@dataclass(frozen=True)
class EmulatorSettings:
    """
    Args:
        attempts: results asked for until one is as the tool's document says.
        history_chars: of what it said before, as it is shown again; the newest is shown first where all is too much.
        wish_rate: share of runs in which the emulator knows what the user asked. Upstream: half of them.
        seed: of that.

    Raises:
        ValueError: names the value that is none.
    """

    attempts: int = 3
    history_chars: int = 24_000
    wish_rate: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.wish_rate <= 1:
            raise ValueError(f"wish_rate must be from 0 to 1, not {self.wish_rate!r}")
        if self.attempts < 1 or self.history_chars < 1:
            raise ValueError("attempts and history_chars must be 1 or more")


@dataclass
class _Said:
    call: dict[str, JsonValue]
    result: JsonValue
    arrived: bool = True


@dataclass
class EmulatedBackend:
    """The tools of one run. Calls of one turn are played one after the other, so that each knows those before it."""

    server: ToolServer
    task: Task
    teacher: Teacher
    injector: Injector = field(default_factory=Injector)
    settings: EmulatorSettings = field(default_factory=EmulatorSettings)
    _history: list[_Said] = field(default_factory=list)
    _place: int = 0

    async def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[RunEvent]:
        """
        Raises:
            TeacherError: no result, or none as the tool's document says: nobody knows what the tool would return.
        """
        return [await self._executed(call, turn) for call in calls]

    async def finish(self) -> list[StateChange]:
        """Nothing is left of an emulated service."""
        return []

    async def close(self) -> None:
        """There is nothing to let go."""

    async def _executed(self, call: ParsedCall, turn: int) -> RunEvent:
        self._place += 1
        if refused := refusal(call, self.server, turn):
            return refused
        tool = self.server.tool(call.name)
        assert tool is not None
        shown: dict[str, JsonValue] = {"name": call.name, "arguments": call.arguments}
        kind = self.injector.drawn(self.task.id, self._place)
        if kind and kind != "partial":  # it never reached the service
            self._history.append(_Said(shown, None, arrived=False))
            return failed(event(call, turn, "ok", ""), kind)
        reply = await self._reply(tool, shown)
        self._history.append(_Said(shown, reply.model_dump(mode="json")))
        done = event(call, turn, "tool_error" if reply.is_error else "ok", _text(reply.result))
        return failed(done, kind) if kind else done

    async def _reply(self, tool: ServerTool, shown: dict[str, JsonValue]) -> EmulatedReply:
        try:
            return await ask_until(
                self.teacher,
                self._prompt(tool, shown),
                lambda reply: _problem(reply, tool),
                attempts=self.settings.attempts,
                reason="unusable_result",
                decides=False,
            )
        except Rejected as rejected:
            raise TeacherError(f"the emulator of {tool.name}: {rejected.detail}") from rejected

    def _prompt(self, tool: ServerTool, shown: dict[str, JsonValue]) -> Prompt[EmulatedReply]:
        variables: dict[str, JsonValue] = {
            "server": about(self.server),
            "tool": tool.model_dump(
                mode="json", include={"name", "description", "parameters", "output_schema"}
            ),
            "history": self._shown_history(),
            "wish": self.task.query if self._knows_the_wish() else None,
            "call": shown,
            "task": self.task.id,
            "place": self._place,
        }
        return Prompt(EMULATE.name, EMULATE.version, variables, EmulatedReply, template=EMULATE.template)

    def _shown_history(self) -> list[JsonValue]:
        """All that was said, or as much of the newest as there is room for. A long result pushes nothing out."""
        shown: list[JsonValue] = []
        room, longest = self.settings.history_chars, self.settings.history_chars // 4
        for said in reversed(self._history):
            line: dict[str, JsonValue] = {"call": said.call}
            if said.arrived:
                line["returned"] = _cut(said.result, longest)
            else:
                line["failed_to_arrive"] = True
            room -= len(json.dumps(line, ensure_ascii=False))
            if room < 0:
                break
            shown.append(line)
        return shown[::-1]

    def _knows_the_wish(self) -> bool:
        drawn = int(content_hash([self.settings.seed, self.task.id, "wish"])[:8], 16) / 16**8
        return drawn < self.settings.wish_rate


def _problem(reply: EmulatedReply, tool: ServerTool) -> str:
    """What is wrong with a result by the tool's document; an error may have any form."""
    if reply.is_error or tool.output_schema is None:
        return ""
    wrong = value_problems(reply.result, tool.output_schema)
    return f"`result` is not as the document says: {wrong[0][:300]}" if wrong else ""


def _cut(result: JsonValue, most: int) -> JsonValue:
    text = json.dumps(result, ensure_ascii=False)
    return result if len(text) <= most else f"{text[:most]} [cut: {len(text) - most} more characters]"


def _text(result: JsonValue) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
