"""An item of the benchmark, and a rollout of it with the official verdict."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from data_synthesis.records import Message, Part, Record, ToolSpec, Trajectory

Stop = Literal["finished", "most_steps", "context"]


class BfclTool(ToolSpec):
    """With the schema of what it returns, which the package shows to models too."""

    response: dict[str, JsonValue] | None = None

    def openai(self) -> dict[str, JsonValue]:
        spelled: dict[str, Any] = super().openai()
        if self.response is not None:
            spelled["function"]["response"] = self.response
        return spelled


class BfclItem(Record):
    """What a model is shown. `id` is the benchmark's own.

    Args:
        turns: messages that begin each turn.
        revealed: turn -> tools that can be called from it on.
        most_steps: assistant turns with calls within one of the user's; with one more the rollout ends.
    """

    category: str
    turns: list[list[Message]]
    tools: list[BfclTool]
    revealed: dict[int, list[BfclTool]] = Field(default_factory=dict)
    most_steps: int

    @property
    def multi_turn(self) -> bool:
        return self.category.startswith("multi_turn")


class Call(Part):
    name: str
    arguments: dict[str, JsonValue]


class Verdict(Part):
    """The checker's; `kind` is its name for what is wrong."""

    valid: bool
    kind: str = ""
    message: str = ""


class BfclRun(Trajectory):
    """A rollout, as a trajectory that the report shows.

    Args:
        turns: of steps of calls, as they were checked.
        defective: why the item is known to be unsound; empty where it is not.
    """

    not_content: ClassVar[frozenset[str]] = Trajectory.not_content | {"defective"}

    item: str
    category: str
    turns: list[list[list[Call]]]
    stop: Stop
    verdict: Verdict
    defective: str = ""
    seed: int = 0
