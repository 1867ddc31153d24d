"""An episode: the agent's turns and the tools' answers, as one append-only sequence of tokens."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from astra_jax.inference.interface import Completion, GenerationEngine, Sampling
from astra_jax.tokens import ChatFormat, TokenBuffer, Tokenizer, parse, reveal_text
from data_synthesis.arenas import ArenaBackend
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.records import Arena, Episode, Message, StopReason, ToolCall, ToolEvent
from data_synthesis.sandbox import Sandbox


@dataclass(frozen=True)
class EpisodeLimits:
    """Bounds of one episode. Every wait lies under one of them."""

    max_turns: int = 32  # assistant turns (paper: 32)
    max_turn_tokens: int = 1024  # sampled tokens of one turn
    max_tokens: int = 49_152  # all tokens after the first prompt (paper: 49,152)
    call_deadline_s: float = 2.0  # one tool call
    deadline_s: float = 600.0  # the whole episode, wall clock


@dataclass(frozen=True)
class Player:
    """All that playing an episode needs, shared by training and evaluation."""

    engine: GenerationEngine
    tokenizer: Tokenizer
    format: ChatFormat
    sandbox: Sandbox
    limits: EpisodeLimits
    temperature: float = 1.0

    async def play(self, arena: Arena, *, seed: int, group: int = 0, sample: int = 0) -> Episode:
        """Plays `arena` once and scores it by rule.

        An infrastructure failure (sandbox, deadline of the whole episode) yields an episode whose `reward` is
        None: unknown, never zero. The result is determined by the weights, the arena and `seed`.

        Args:
            seed: drives sampling. The order of tools comes from the arena and `group`, so that the samples of a
                group see the same prompt.
        """
        run = _Run(self, arena, seed=seed, group=group, sample=sample)
        try:
            stop_reason = await asyncio.wait_for(run.turns(), self.limits.deadline_s)
        except TimeoutError:
            stop_reason = "deadline"
        except InfrastructureFailure:
            stop_reason = "infrastructure"
        finally:
            run.close()
        return run.episode(stop_reason)


def derived_seed(*parts: object) -> int:
    """A 32-bit seed from its parts, the same on every machine."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


class _Run:
    def __init__(self, player: Player, arena: Arena, *, seed: int, group: int, sample: int):
        self.player, self.arena, self.seed, self.group, self.sample = player, arena, seed, group, sample
        self.session = f"{arena.id}/{group}/{sample}/{seed}"
        self.buffer = TokenBuffer(player.tokenizer, player.format)
        self.messages: list[Message] = []
        self.versions: list[int] = []
        self.backend: ArenaBackend | None = None

    async def turns(self) -> StopReason:
        limits = self.player.limits
        order_seed = derived_seed(self.arena.id, self.group)
        self.backend = await _in_thread(
            lambda: ArenaBackend(
                self.arena, self.player.sandbox, seed=order_seed, call_deadline=limits.call_deadline_s
            )
        )
        self.messages = [Message(role="user", content=self.arena.question)]
        self.buffer.start(self.messages, self.backend.tools())
        for turn in range(limits.max_turns):
            completion = await self._sample_turn(turn)
            if not completion.finished:
                return "max_tokens"
            observations = await self._respond(turn, completion)
            if not observations:
                return "finished"
            self.messages += observations
            self.buffer.observe(observations)
        return "max_turns"

    async def _sample_turn(self, turn: int) -> Completion:
        player, limits = self.player, self.player.limits
        used = len(self.buffer.ids) - self.buffer.prompt_length
        sampling = Sampling(
            max_tokens=max(1, min(limits.max_turn_tokens, limits.max_tokens - used)),
            stop_ids=tuple(player.tokenizer.stop_ids),
            temperature=player.temperature,
            seed=derived_seed(self.seed, turn),
        )
        completion = await player.engine.generate(self.buffer.ids, sampling, session=self.session)
        self.buffer.sampled(completion.token_ids, completion.logprobs)
        self.versions.append(completion.weight_version)
        return completion

    async def _respond(self, turn: int, completion: Completion) -> list[Message]:
        """Records the assistant's message and returns what the environment answers; nothing ends the episode."""
        assert self.backend is not None
        backend = self.backend
        parsed = parse(self.player.tokenizer.decode(completion.token_ids), turn=turn)
        calls = [ToolCall(id=c.id, name=c.name, arguments=c.arguments or {}) for c in parsed.calls]
        self.messages.append(
            Message(
                role="assistant",
                content=parsed.content,
                reasoning_content=parsed.reasoning or None,
                tool_calls=calls,
            )
        )
        if parsed.calls:
            events = await _in_thread(lambda: backend.execute(parsed.calls, turn))
            return [_tool_message(event) for event in events]
        follow_up = backend.follow_up()
        if follow_up is None:
            return []
        return [Message(role="user", content=follow_up.content + reveal_text(backend.revealed(follow_up)))]

    def episode(self, stop_reason: StopReason) -> Episode:
        unknown = stop_reason in ("infrastructure", "deadline") or self.backend is None
        return Episode(
            arena_id=self.arena.id,
            domain=self.arena.domain,
            group=self.group,
            sample=self.sample,
            seed=self.seed,
            token_ids=list(self.buffer.ids),
            loss_mask=list(self.buffer.loss_mask),
            logprobs=list(self.buffer.logprobs),
            prompt_length=self.buffer.prompt_length,
            weight_versions=self.versions,
            messages=self.messages,
            tools=self.backend.tools() if self.backend else [],
            events=self.backend.events if self.backend else [],
            reward=None if unknown else self.backend.score(),
            stop_reason=stop_reason,
        )

    def close(self) -> None:
        self.player.engine.release(self.session)
        if self.backend is not None:
            self.backend.close()


def _tool_message(event: ToolEvent) -> Message:
    return Message(role="tool", content=event.output, tool_call_id=event.call_id)


async def _in_thread(work: Callable):
    """Tool code can take its whole deadline: the event loop must not wait for it."""
    return await asyncio.to_thread(work)
