"""One run of an arena: the tools an agent is shown, the calls it makes, and what they earned."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from data_synthesis.arenas import scoring
from data_synthesis.arenas.backend import InfrastructureFailure, ParsedCall
from data_synthesis.arenas.schema import problems
from data_synthesis.records import Arena, ArenaTool, FollowUp, Message, RewardParts, ToolEvent, ToolSpec
from data_synthesis.sandbox.interface import (
    BadArguments,
    Breach,
    CallError,
    Sandbox,
    SandboxError,
    SandboxSession,
)

Status = Literal["ok", "tool_error", "unknown_tool", "bad_json", "bad_arguments", "breach"]

# Of one observation: about 2k tokens, so that a paper-scale response holds some twenty of them.
OUTPUT_CHARS = 8192

_DEEPEST = 64  # levels of nesting in a call's arguments


class ArenaBackend:
    """Executes the calls of one episode in one sandbox session, which is opened by the first call that needs it.

    Every call is answered by exactly one event and costs precision: refused ones (unknown tool, bad JSON, bad
    arguments), failed ones, and all calls after a breach, which ends the session for the rest of the episode.
    """

    def __init__(
        self,
        arena: Arena,
        sandbox: Sandbox,
        *,
        seed: int,
        with_distractors: bool = True,
        call_deadline: float = 2.0,
        output_chars: int = OUTPUT_CHARS,
    ):
        """
        Args:
            seed: orders the tools; the same seed and arena give the same order.
            call_deadline: wall-clock seconds of one call.
            output_chars: longer observations are cut there, with a note.

        Raises:
            ValueError: two tools of one name.
        """
        self.arena = arena
        self.events: list[ToolEvent] = []
        self._sandbox = sandbox
        self._session: SandboxSession | None = None
        self._closed = False
        self._breach: Breach | None = None
        self._call_deadline, self._output_chars = call_deadline, output_chars
        self._tools = _shuffled(arena, seed, with_distractors)
        self._follow_ups = list(arena.follow_ups)
        self._withheld = {name for follow_up in arena.follow_ups for name in follow_up.reveals}

    def tools(self) -> list[ToolSpec]:
        """The tools the agent may call now, in the order it sees them: none that a follow-up still withholds."""
        return [tool.spec for name, tool in self._tools.items() if name not in self._withheld]

    def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[ToolEvent]:
        """Executes the calls of one assistant turn, in order; one event for each call, always.

        Raises:
            InfrastructureFailure: the sandbox failed, or the arena's sources do not load.
        """
        events = []
        for call in calls:
            status, output = self._answer(call)
            events.append(
                ToolEvent(
                    turn=turn,
                    call_id=call.id,
                    name=_encodable(call.name),
                    arguments=call.arguments if _is_plain(call.arguments) else None,
                    output=observation(output, self._output_chars),
                    status=status,
                )
            )
        self.events += events
        return events

    def follow_up(self) -> FollowUp | None:
        """What the user says next after the agent stopped calling tools, if anything. Its tools can be called then."""
        if not self._follow_ups:
            return None
        follow_up = self._follow_ups.pop(0)
        self._withheld -= set(follow_up.reveals)
        return follow_up

    def revealed(self, follow_up: FollowUp) -> list[ToolSpec]:
        """The tools that a follow-up adds, in the order in which it names them."""
        return [self._tools[name].spec for name in follow_up.reveals]

    def score(self) -> RewardParts:
        """The reward of the calls so far. Writes into each event which gold call it solved."""
        solved = scoring.match(self.arena.gold_calls, self.events)
        for index, event in enumerate(self.events):
            event.gold_id = solved.get(index)
        return scoring.f1(len(self.arena.gold_calls), len(solved), len(self.events))

    def close(self) -> None:
        """Ends the session. Safe to call twice, and while another thread executes calls: those fail then."""
        self._closed = True
        if self._session is not None:
            self._session.close()

    def _answer(self, call: ParsedCall) -> tuple[Status, JsonValue]:
        if call.arguments is None:
            return "bad_json", _error(f"this is not a valid tool call: {call.problem or 'no JSON object'}")
        if call.name not in self._tools or call.name in self._withheld:
            known = ", ".join(spec.name for spec in self.tools())
            return "unknown_tool", _error(f"there is no tool `{call.name}`; the tools are: {known}")
        if not _is_plain(call.arguments):
            return "bad_arguments", _error(
                f"`{call.name}` was not called: arguments nested too deeply or not Unicode"
            )
        found = problems(call.arguments, self._tools[call.name].spec.parameters)
        if found:
            return "bad_arguments", _error(f"`{call.name}` was not called: {'; '.join(found)}")
        return self._run(call.name, call.arguments)

    def _run(self, name: str, arguments: dict) -> tuple[Status, JsonValue]:
        if self._breach is not None:
            return "breach", _error(f"no tool works any more after an earlier failure: {self._breach}")
        session = self._opened()
        try:
            return "ok", session.call(name, arguments, deadline=self._call_deadline)
        except BadArguments as error:
            return "bad_arguments", _error(f"`{name}` was not called: {error}")
        except CallError as error:
            return "tool_error", _error(str(error))
        except Breach as error:
            self._breach = error
            return "breach", _error(f"`{name}` stopped working: {error}; no tool can be called any more")
        except SandboxError as error:
            raise InfrastructureFailure(f"the sandbox failed in arena {self.arena.id}: {error}") from error

    def _opened(self) -> SandboxSession:
        if self._session is None:
            try:
                self._session = self._sandbox.open({name: tool.source for name, tool in self._tools.items()})
            except SandboxError as error:
                raise InfrastructureFailure(f"arena {self.arena.id} cannot be opened: {error}") from error
            if self._closed:  # by another thread, which saw no session to close
                self._session.close()
        return self._session


def compact(output: JsonValue) -> str:
    """A tool's output as text: JSON without spaces, and without surrogates that no file can hold."""
    return _encodable(json.dumps(output, ensure_ascii=False, separators=(",", ":")))


def observation(output: JsonValue, limit: int = OUTPUT_CHARS) -> str:
    """A tool's output as the agent sees it: cut after `limit` characters, with a note that says so."""
    text = compact(output)
    return text if len(text) <= limit else f"{text[:limit]}… [cut: {len(text)} characters in all]"


def follow_up_message(follow_up: FollowUp, revealed: Sequence[ToolSpec]) -> Message:
    """The user's message of a follow-up, with the documents of the tools that it reveals, one JSON object a line."""
    if not revealed:
        return Message(role="user", content=follow_up.content)
    documents = "\n".join(json.dumps(spec.openai(), ensure_ascii=False) for spec in revealed)
    return Message(role="user", content=f"{follow_up.content}\n\nNew tools:\n<tools>\n{documents}\n</tools>")


def _error(problem: str) -> JsonValue:
    return {"error": problem}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _is_plain(value: JsonValue, levels: int = _DEEPEST) -> bool:
    """Whether a value can be written as a JSON line: no lone surrogates, no abyss. A model's text can hold both."""
    if isinstance(value, str):
        return value == _encodable(value)
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return levels > 0 and all(_is_plain(each, levels - 1) for each in inner)
    return True


def _shuffled(arena: Arena, seed: int, with_distractors: bool) -> dict[str, ArenaTool]:
    shown = arena.tools + (arena.distractors if with_distractors else [])
    tools = {tool.name: tool for tool in shown}
    if len(tools) < len(shown):
        names = [tool.name for tool in shown]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"arena {arena.id} has two tools named `{twice}`; rename one, calls cannot tell them apart"
        )
    random.Random(f"tools {arena.id} {seed}").shuffle(shown)
    return {tool.name: tool for tool in shown}
