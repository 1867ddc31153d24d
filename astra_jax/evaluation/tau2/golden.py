"""The actions that solve a task, played by agent and user: what that scores says whether this path is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astra_jax.evaluation.contestant import Conversation, Reply
from astra_jax.evaluation.tau2.records import Tau2Item
from astra_jax.evaluation.tau2.world import Simulation
from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, ToolSpec


class GoldenPair:
    """Agent and user who take the golden actions in their order. The agent tells in the end what it must."""

    name = "golden actions"

    async def open(self, item: Tau2Item, simulation: Simulation) -> tuple[Conversation, Conversation]:
        golden = await simulation.golden()
        script = list(golden["actions"])
        agent = _Player("assistant", script, " ".join(["Done.", *golden["tell"]]))
        return agent, _Player("user", script, "###STOP###")

    async def close(self) -> None:
        """Holds nothing."""


class _Player:
    """Takes the script's next action where it is this one's turn, and lets the other go on where not."""

    def __init__(self, requestor: str, script: list[dict[str, Any]], last: str):
        self._requestor, self._script, self._last = requestor, script, last
        self._told = False

    async def reply(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        if not self._script:
            return self._end()
        if self._script[0]["requestor"] != self._requestor:
            return Reply("Please go on.")
        action = self._script.pop(0)
        return Reply(calls=[ParsedCall("", action["name"], action["arguments"])])

    def _end(self) -> Reply:
        """The agent speaks last before the user ends it."""
        if self._requestor == "user" and not self._told:
            self._told = True
            return Reply("Is that all?")
        return Reply(self._last)

    def close(self) -> None:
        """Holds nothing."""
