"""A checkpoint in this process: conversations are append-only tokens, as in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from astra_jax.evaluation.contestant import OutOfContext, Reply
from astra_jax.inference.episodes import derived_seed
from astra_jax.inference.interface import ContextOverflow, GenerationEngine, Sampling
from astra_jax.tokens import ChatFormat, TokenBuffer, Tokenizer, parse
from data_synthesis.records import Message, ToolSpec


@dataclass(frozen=True)
class EngineContestant:
    """
    Args:
        max_turn_tokens: sampled tokens of one turn.
    """

    engine: GenerationEngine
    tokenizer: Tokenizer
    format: ChatFormat
    name: str
    temperature: float
    max_turn_tokens: int

    def open(self, item: str, seed: int) -> EngineConversation:
        return EngineConversation(self, item, seed)

    async def close(self) -> None:
        """The engine ends with the process."""


class EngineConversation:
    """Sampled ids are never rendered again, unless the tools change: those stand at the beginning of a prompt."""

    def __init__(self, contestant: EngineContestant, item: str, seed: int):
        self._by, self._item, self._seed = contestant, item, seed
        self._tools: list[ToolSpec] | None = None
        self._prompts = self._turn = self._seen = 0
        self._buffer = TokenBuffer(contestant.tokenizer, contestant.format)

    async def reply(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        self._show(messages, list(tools))
        sampling = Sampling(
            max_tokens=self._by.max_turn_tokens,
            stop_ids=self._buffer.stop_ids,
            temperature=self._by.temperature,
            seed=derived_seed(self._seed, self._item, self._turn),
        )
        try:
            completion = await self._by.engine.generate(self._buffer.ids, sampling, session=self._session)
        except ContextOverflow as error:
            raise OutOfContext(str(error)) from error
        self._buffer.sampled(completion.token_ids, completion.logprobs)
        parsed = parse(self._by.tokenizer.decode(completion.token_ids), turn=self._turn)
        self._turn += 1
        return Reply(parsed.content, parsed.reasoning or None, parsed.calls, not completion.finished)

    def close(self) -> None:
        self._by.engine.release(self._session)

    @property
    def _session(self) -> str:
        return f"{self._item}/{self._seed}/{self._prompts}"

    def _show(self, messages: Sequence[Message], tools: list[ToolSpec]) -> None:
        if tools != self._tools:
            self.close()
            self._tools, self._prompts = tools, self._prompts + 1
            self._buffer = TokenBuffer(self._by.tokenizer, self._by.format)
            self._buffer.start(messages, tools)
        else:
            self._buffer.observe(list(messages[self._seen :]))
        self._seen = len(messages) + 1  # what is replied now is known
