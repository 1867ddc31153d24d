"""An agent's run: it is asked, its calls are executed, until it answers, or a bound or a failure ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import (
    AgentRun,
    Message,
    Provenance,
    RunEvent,
    StateChange,
    Task,
    ToolCall,
    ToolServer,
    ToolSpec,
)
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.runs.interface import Agent, BackendFailure, RunBackend, Situation

# Upstream's, in our words: it asks for a plan before calls and for the user's language.
SYSTEM = (
    "You are an assistant that works with tools. Say briefly what you are about to do before you call a tool. "
    "Answer in the language of the user, only with what the tools told you, and say so where something failed."
)


@dataclass(frozen=True)
class RunSettings:
    """
    Args:
        model_calls: how often the agent is asked at most. Upstream: 20.
        deadline_s: wall clock of the whole run. Upstream's launcher: 240.
        calls_a_turn: more are refused one by one.
        output_chars: longer observations are cut there, with a note.
        system: first message; none where empty.

    Raises:
        ValueError: nothing could be run so.
    """

    model_calls: int = 20
    deadline_s: float = 240.0
    calls_a_turn: int = 16
    output_chars: int = 8192
    system: str = SYSTEM

    def __post_init__(self) -> None:
        for name in ("model_calls", "deadline_s", "calls_a_turn", "output_chars"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)!r}")


@dataclass
class _Transcript:
    """What has been said and done so far; whatever ends the run, this is kept."""

    messages: list[Message]
    events: list[RunEvent] = field(default_factory=list)
    turns: int = 0

    def answered(self) -> bool:
        last = self.messages[-1]
        return last.role == "assistant" and not last.tool_calls


async def play(
    task: Task,
    server: ToolServer,
    agent: Agent,
    backend: RunBackend,
    settings: RunSettings,
    *,
    attempt: int = 0,
) -> AgentRun:
    """One run of `task`. Closes the backend.

    Whatever happens to agent or tools is an `outcome` of the run that is returned, with all that was said before; it is
    `finished` only where the agent came to an answer.

    Raises:
        TeacherGone: nothing can be asked any more.
    """
    tools: list[ToolSpec] = [_shown(tool) for tool in server.tools]
    transcript = _Transcript(_opening(task, settings))
    state: list[StateChange] = []
    outcome, problem = "finished", ""
    try:
        async with asyncio.timeout(settings.deadline_s):
            await _converse(task, tools, agent, backend, settings, attempt, transcript)
            state = await backend.finish()
        if not transcript.answered():
            outcome, problem = "max_calls", f"no answer after {settings.model_calls} model calls"
    except TimeoutError:
        outcome, problem = "deadline", f"not finished within {settings.deadline_s:g} s"
    except BackendFailure as failure:
        outcome, problem = "backend_failed", str(failure)
    except _AgentFailed as failure:
        outcome, problem = "agent_failed", str(failure)
    except TeacherError as failure:
        outcome, problem = "emulator_failed", str(failure)
    finally:
        await backend.close()
    return AgentRun(
        messages=_with_replies_to_all(transcript.messages),
        tools=tools,
        status="finished" if outcome == "finished" else "broken",
        domain=server.domain,
        task=task,
        outcome=outcome,
        problem=problem,
        events=transcript.events,
        state=state,
        provenance=Provenance(parents=[task.id], teacher=agent.name, seed=attempt),
    )


class _AgentFailed(Exception):
    """The agent gave no turn. Apart from `TeacherError`, which an emulator raises too."""


async def _converse(
    task: Task,
    tools: Sequence[ToolSpec],
    agent: Agent,
    backend: RunBackend,
    settings: RunSettings,
    attempt: int,
    transcript: _Transcript,
) -> None:
    for turn in range(settings.model_calls):
        situation = Situation(task, tuple(transcript.messages), tools, attempt)
        try:
            said = await agent.turn(situation)
        except TeacherError as error:
            raise _AgentFailed(str(error)) from error
        transcript.turns = turn + 1
        calls = [replace(call, id=f"call_{turn + 1}_{i}") for i, call in enumerate(said.calls, 1)]
        transcript.messages.append(_said(said.content, said.reasoning, calls))
        if not calls:
            return
        events = await _executed(backend, calls, turn, settings)
        transcript.events += events
        transcript.messages += [
            Message(role="tool", content=event.output, tool_call_id=event.call_id) for event in events
        ]


async def _executed(
    backend: RunBackend, calls: Sequence[ParsedCall], turn: int, settings: RunSettings
) -> list[RunEvent]:
    """Executes as many as are allowed; the rest is refused, so that every call has its answer."""
    events = await backend.execute(calls[: settings.calls_a_turn], turn)
    if [event.call_id for event in events] != [call.id for call in calls[: settings.calls_a_turn]]:
        raise BackendFailure("the tools did not answer each call once, in order")
    refused = [_refused(call, turn, settings.calls_a_turn) for call in calls[settings.calls_a_turn :]]
    return [_cut(event, settings.output_chars) for event in events] + refused


def _refused(call: ParsedCall, turn: int, most: int) -> RunEvent:
    output = f"Error: not executed, as at most {most} calls can be made at once."
    return RunEvent(
        turn=turn,
        call_id=call.id,
        name=call.name,
        arguments=call.arguments,
        output=output,
        status="tool_error",
    )


def _cut(event: RunEvent, most: int) -> RunEvent:
    if len(event.output) <= most:
        return event
    note = f"\n[cut: {len(event.output) - most} more characters]"
    return event.model_copy(update={"output": event.output[:most] + note})


def _opening(task: Task, settings: RunSettings) -> list[Message]:
    system = [Message(role="system", content=settings.system)] if settings.system else []
    return [*system, Message(role="user", content=task.query)]


def _said(content: str, reasoning: str | None, calls: Sequence[ParsedCall]) -> Message:
    """What was no JSON object stands as an empty one: the event says what was wrong with it."""
    tool_calls = [
        ToolCall(id=call.id, name=call.name or "?", arguments=call.arguments or {}) for call in calls
    ]
    return Message(role="assistant", content=content, reasoning_content=reasoning, tool_calls=tool_calls)


def _with_replies_to_all(messages: list[Message]) -> list[Message]:
    """Without a last turn whose calls were not answered: no chat template takes that."""
    answered: set[Any] = {message.tool_call_id for message in messages}
    last = messages[-1]
    unanswered = any(call.id not in answered for call in last.tool_calls)
    return messages[:-1] if unanswered else messages


def _shown(tool: ToolSpec) -> ToolSpec:
    return ToolSpec(name=tool.name, description=tool.description, parameters=tool.parameters)
