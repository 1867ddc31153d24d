"""A rollout of an item: as the package's own loop, but for who executes the calls."""

from __future__ import annotations

from astra_jax.evaluation.bfcl.records import BfclItem, BfclRun, Call, Stop, Verdict
from astra_jax.evaluation.bfcl.world import BfclWorld
from astra_jax.evaluation.contestant import Contestant, Conversation, OutOfContext, Reply
from data_synthesis.records import Message, ToolSpec


async def play(item: BfclItem, contestant: Contestant, world: BfclWorld, seed: int = 0) -> BfclRun:
    """Plays `item` once and checks it.

    A turn of the user ends with the first reply that calls nothing, or whose calls cannot be read. A conversation that
    outgrows the model's context is a failed one.

    Raises:
        InfrastructureFailure: neither the model's fault nor its merit; there is no verdict.
    """
    conversation = contestant.open(item.id, seed)
    rollout = _Rollout(item, conversation, world)
    try:
        stop = await rollout.play()
    except OutOfContext:
        stop = "context"
    finally:
        conversation.close()
    verdict = (
        Verdict(valid=False, kind="out_of_context")
        if stop == "context"
        else await world.check(item.id, rollout.turns)
    )
    return BfclRun(
        messages=rollout.messages,
        tools=list(rollout.tools),
        domain=item.category,
        scores={"valid": float(verdict.valid)},
        item=item.id,
        category=item.category,
        turns=rollout.turns,
        stop=stop,
        verdict=verdict,
        seed=seed,
    )


class _Rollout:
    """`turns` are those begun so far, of steps of calls."""

    def __init__(self, item: BfclItem, conversation: Conversation, world: BfclWorld):
        self.item, self._conversation, self._world = item, conversation, world
        self.messages: list[Message] = []
        self.tools: list[ToolSpec] = list(item.tools)
        self.turns: list[list[list[Call]]] = []

    async def play(self) -> Stop:
        if not self.item.multi_turn:
            return await self._answer_once()
        for turn, opening in enumerate(self.item.turns):
            self.tools += self.item.revealed.get(turn, [])
            self.messages += opening
            self.turns.append([])
            if not await self._finish_turn():
                return "most_steps"
        return "finished"

    async def _answer_once(self) -> Stop:
        self.messages += self.item.turns[0]
        reply = await self._conversation.reply(self.messages, self.tools)
        self._record(reply)
        self.turns.append([_calls(reply)] if reply.readable else [])
        return "finished"

    async def _finish_turn(self) -> bool:
        """Whether the model came to an end of its own."""
        for _ in range(self.item.most_steps + 1):
            reply = await self._conversation.reply(self.messages, self.tools)
            self._record(reply)
            if not reply.calls or not reply.readable:
                return True
            self.turns[-1].append(_calls(reply))
            steps = [step for steps in self.turns for step in steps]
            outputs = await self._world.execute(self.item.id, steps)
            ids = [call.id for call in self.messages[-1].tool_calls]
            self.messages += [
                Message(role="tool", content=output, tool_call_id=id)
                for id, output in zip(ids, outputs, strict=True)
            ]
        return False

    def _record(self, reply: Reply) -> None:
        said = sum(message.role == "assistant" for message in self.messages)
        self.messages.append(reply.message(f"call_{said}"))


def _calls(reply: Reply) -> list[Call]:
    return [Call(name=call.name, arguments=call.arguments or {}) for call in reply.calls]
