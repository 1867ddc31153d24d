"""A simulation: agent, user and environment by turns, as in the package's orchestrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from astra_jax.evaluation.contestant import Conversation, OutOfContext, Reply
from astra_jax.evaluation.tau2.records import Ended, Role, Tau2Item, Tau2Run
from astra_jax.evaluation.tau2.world import Opening, Simulation
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.records import Message, ToolCall

Requestor = Literal["assistant", "user"]


class UserFailed(InfrastructureFailure):
    """The simulated user did not play its part. That says nothing about the agent."""


class Pair(Protocol):
    """Who plays agent and user of a simulation."""

    async def open(self, item: Tau2Item, simulation: Simulation) -> tuple[Conversation, Conversation]: ...


async def play(item: Tau2Item, pair: Pair, simulation: Simulation, seed: int = 0) -> Tau2Run:
    """Plays a task once, and evaluates what became of it.

    An agent's empty turn, or calls of it that cannot be read, end the simulation, as does a conversation that outgrows
    its context: the agent's error, reward 0. The same of a user is no verdict on the agent.

    Raises:
        InfrastructureFailure: there is no reward; `UserFailed` where the user is why.
    """
    opening = await simulation.open()
    agent, user = await pair.open(item, simulation)
    stage = _Stage(opening, simulation, agent, user)
    try:
        ended = await stage.play()
    finally:
        agent.close()
        user.close()
    verdict = await simulation.evaluate(stage.simulated, ended)
    return Tau2Run(
        messages=stage.agent.messages,
        tools=opening.agent.tools,
        domain=item.domain,
        scores={"reward": verdict["reward"]},
        task=item.task,
        trial=item.trial,
        ended=ended,
        reward=verdict["reward"],
        parts=verdict["parts"],
        simulation=stage.simulated,
        seed=seed,
    )


class _Side:
    """One of the two who talk, and the conversation as it sees it: it is the assistant there."""

    def __init__(self, requestor: Requestor, role: Role, conversation: Conversation):
        self.requestor: Requestor = requestor
        self.messages = [Message(role="system", content=role.system)]
        self._tools, self._conversation = role.tools, conversation
        self._replies = 0

    async def reply(self) -> tuple[Reply, list[ToolCall]]:
        """The next turn, with ids of its calls that are unique in the simulation."""
        reply = await self._conversation.reply(self.messages, self._tools)
        self._replies += 1
        message = reply.message(f"{self.requestor}_{self._replies}")
        self.messages.append(message)
        return reply, message.tool_calls

    def hears(self, content: str) -> None:
        self.messages.append(Message(role="user", content=content))


class _Stage:
    """`simulated` is all that happened, as the package spells it."""

    def __init__(self, opening: Opening, simulation: Simulation, agent: Conversation, user: Conversation):
        self._opening, self._simulation = opening, simulation
        self.agent = _Side("assistant", opening.agent, agent)
        self.user = _Side("user", opening.user, user)
        self.simulated: list[dict[str, Any]] = [{"role": "assistant", "content": opening.first}]
        self._steps = self._errors = 0

    async def play(self) -> Ended:
        self.agent.messages.append(Message(role="assistant", content=self._opening.first))
        self.user.hears(self._opening.first)
        side, other = self.user, self.agent
        while True:
            try:
                said = await self._turn(side)
            except OutOfContext as error:
                said = _failed(side, str(error))
            if said is None:
                return "agent_error"
            if side is self.user and any(stop in said for stop in self._opening.stops):
                return "user_stop"
            if bound := self._bound():
                return bound
            if said:  # else the environment has answered, and the same side goes on
                other.hears(said)
                side, other = other, side

    async def _turn(self, side: _Side) -> str | None:
        """What is said to the other side; nothing where tools were called; None where an agent failed."""
        reply, calls = await side.reply()
        self._steps += 1
        if reply.calls:
            if not reply.readable:
                return _failed(side, "calls that cannot be read")
            await self._execute(side, reply.content, calls)
            return ""
        if not reply.content.strip():
            return _failed(side, "an empty turn")
        self.simulated.append({"role": side.requestor, "content": reply.content})
        return reply.content

    async def _execute(self, side: _Side, content: str, calls: Sequence[ToolCall]) -> None:
        spelled = [{**call.model_dump(), "requestor": side.requestor} for call in calls]
        self.simulated.append({"role": side.requestor, "content": content or None, "tool_calls": spelled})
        for call, answer in zip(calls, await self._simulation.call(side.requestor, calls), strict=True):
            self._errors += answer.error
            side.messages.append(Message(role="tool", content=answer.content, tool_call_id=call.id))
            answered = {"role": "tool", "id": call.id, "content": answer.content, "error": answer.error}
            self.simulated.append({**answered, "requestor": side.requestor})
        self._steps += 1

    def _bound(self) -> Ended | None:
        if self._steps >= self._opening.most_steps:
            return "max_steps"
        return "too_many_errors" if self._errors >= self._opening.most_errors else None


def _failed(side: _Side, what: str) -> None:
    """
    Raises:
        UserFailed: it is the user who failed.
    """
    if side.requestor == "user":
        raise UserFailed(f"the simulated user failed: {what}")
