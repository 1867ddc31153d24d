"""What executes tool calls for one episode: arena code here, MCP sessions and emulators elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from data_synthesis.records import ToolEvent, ToolSpec


class InfrastructureFailure(Exception):
    """The backend itself failed. The episode is unknown, never scored."""


@dataclass(frozen=True)
class ParsedCall:
    """A tool call as it came out of the model's text.

    `arguments` is None when the text between the tags was not a JSON object with a name; `problem` says why.
    """

    id: str
    name: str
    arguments: dict | None
    problem: str = ""


class ToolBackend(Protocol):
    """Tools of one episode."""

    def tools(self) -> list[ToolSpec]:
        """The tools the agent is shown at the start, in the order it sees them."""
        ...

    def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[ToolEvent]:
        """Executes the calls of one assistant turn, in order; one event for each call, always.

        Raises:
            InfrastructureFailure: the backend failed, not the call.
        """
        ...

    def close(self) -> None: ...
