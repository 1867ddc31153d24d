"""Who is evaluated: whatever is shown a conversation with tools and says the next turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, ToolCall, ToolSpec


@dataclass(frozen=True)
class Reply:
    """One assistant turn.

    Args:
        calls: with the ids that the model gave, if any; whoever plays gives unique ones.
        cut_off: whether it ran out of tokens. What was cut off is not acted upon.
    """

    content: str = ""
    reasoning: str | None = None
    calls: Sequence[ParsedCall] = field(default=())
    cut_off: bool = False

    @property
    def readable(self) -> bool:
        """Whether every call is a name with an object of arguments."""
        return not self.cut_off and all(call.arguments is not None for call in self.calls)

    def message(self, turn: str) -> Message:
        """As it stands in the conversation. Calls that cannot be read are not answered, so they do not stand there.

        Args:
            turn: tells the ids of its calls from those of other turns.
        """
        calls = [
            ToolCall(id=f"{turn}_{i}", name=call.name, arguments=call.arguments or {})
            for i, call in enumerate(self.calls if self.readable else ())
        ]
        return Message(
            role="assistant", content=self.content, reasoning_content=self.reasoning, tool_calls=calls
        )


class OutOfContext(Exception):
    """The conversation does not fit the model any more: the model's own limit, not a failure of anything."""


class Conversation(Protocol):
    async def reply(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        """The next turn.

        Args:
            messages: the whole conversation. It begins with that of the call before and what was replied then.
            tools: that can be called now; they may be others than before.

        Raises:
            OutOfContext: it does not fit.
            InfrastructureFailure: no fault of the model's; the conversation is of no use.
        """
        ...

    def close(self) -> None:
        """Nothing more will be said."""
        ...


class Contestant(Protocol):
    """Implementations: `EngineContestant`, `ServerContestant`, the benchmarks' ground truths."""

    @property
    def name(self) -> str: ...

    def open(self, item: str, seed: int) -> Conversation:
        """A fresh conversation about `item`."""
        ...

    async def close(self) -> None: ...
