"""The two sides of an agent's run: who decides what to call, and what executes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, RunEvent, StateChange, Task, ToolSpec


@dataclass(frozen=True)
class Turn:
    """What an agent says when it is asked once: calls, or the final answer, or both.

    `calls` have the ids that the agent gave, which may be empty or repeated: the loop gives unique ones.
    """

    content: str = ""
    reasoning: str | None = None
    calls: Sequence[ParsedCall] = field(default=())


@dataclass(frozen=True)
class Situation:
    """What an agent is asked about. A model sees messages and tools alone; a rehearsed agent may look at the task.

    Args:
        attempt: counts the runs of one task, so that samples of a task differ.
    """

    task: Task
    messages: Sequence[Message]
    tools: Sequence[ToolSpec]
    attempt: int = 0


class Agent(Protocol):
    """Implementations: `ServerAgent` (chat completions with tools), `RehearsedAgent` (no model)."""

    name: str

    async def turn(self, situation: Situation) -> Turn:
        """The next turn.

        Raises:
            TeacherError: there is none; the run is broken, never scored.
            TeacherGone: nothing can be asked any more, so the pipeline ends.
        """
        ...

    def usage(self) -> dict[str, Any]: ...

    async def close(self) -> None: ...


class BackendFailure(Exception):
    """No call is to blame: a server does not start, or dies. The run is broken."""


class RunBackend(Protocol):
    """The tools of one run. Implementations: `McpBackend`, `CodeBackend`, `EmulatedBackend`."""

    async def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[RunEvent]:
        """Executes the calls of one assistant turn; one event for each, in their order, always.

        Unknown tools, arguments that were no JSON object, and timeouts are events too.

        Raises:
            BackendFailure: as above.
            TeacherError, TeacherGone: of an emulator, as a teacher's.
        """
        ...

    async def finish(self) -> list[StateChange]:
        """What the run left different. Called once, after the last call and before `close`."""
        ...

    async def close(self) -> None:
        """Lets processes and folders go. May be called at any time, more than once; never raises."""
        ...
