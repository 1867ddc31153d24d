"""An episode: the agent's turns and the tools' answers, as one append-only sequence of tokens."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeVar

from astra_jax.inference.interface import Completion, ContextOverflow, GenerationEngine, Sampling
from astra_jax.tokens import ChatFormat, TokenBuffer, Tokenizer, parse
from astra_jax.training.settings import check_least
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.arenas.episode import ArenaBackend, follow_up_message
from data_synthesis.records import Arena, Episode, Message, StopReason, ToolCall, ToolEvent, VersionSpan
from data_synthesis.sandbox import Sandbox

Result = TypeVar("Result")


@dataclass(frozen=True)
class EpisodeLimits:
    """Bounds of one episode. Every wait lies under one of them.

    Raises:
        BadSetting: one under which nothing could be played.
    """

    max_turns: int = 32  # assistant turns (paper: 32)
    max_turn_tokens: int = 1024  # sampled tokens of one turn
    max_prompt_tokens: int = 25_600  # question and tools (paper: 25,600)
    max_tokens: int = 49_152  # all tokens after the first prompt (paper: 49,152)
    call_deadline_s: float = 2.0  # one tool call
    deadline_s: float = 600.0  # the whole episode, wall clock
    retries: int = 0  # times that an episode is played again, from its start, after an infrastructure failure

    def __post_init__(self) -> None:
        least = dict.fromkeys(("max_turns", "max_turn_tokens", "max_prompt_tokens", "max_tokens"), 1)
        least |= {"call_deadline_s": 0.001, "deadline_s": 0.001, "retries": 0}
        check_least(vars(self), least, within="")


@dataclass(frozen=True)
class Job:
    """One episode to play; see `Player.play`."""

    arena: Arena
    seed: int
    group: int = 0
    sample: int = 0


@dataclass(frozen=True)
class Player:
    """All that playing an episode needs, shared by training and evaluation."""

    engine: GenerationEngine
    tokenizer: Tokenizer
    format: ChatFormat
    sandbox: Sandbox
    limits: EpisodeLimits
    temperature: float = 1.0
    at_once: int = 64  # episodes of `play_all` in play; the others wait without ageing or holding a cache

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # Two for each episode in play: a call that hangs past its episode's deadline, and the end of its session.
        return ThreadPoolExecutor(2 * self.at_once, "tools")

    def in_thread(self, call: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        """What tools do goes on in threads of its own: those that hang hold up no other episode and no update."""
        return asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def play_all(
        self, jobs: Sequence[Job], on_end: Callable[[], object] = lambda: None
    ) -> list[Episode]:
        """Plays the jobs, `at_once` at a time, and returns their episodes in the order of the jobs.

        Args:
            on_end: called after each episode.
        """
        places = asyncio.Semaphore(self.at_once)

        async def play(job: Job) -> Episode:
            async with places:
                episode = await self.play(job.arena, seed=job.seed, group=job.group, sample=job.sample)
            on_end()
            return episode

        return list(await asyncio.gather(*map(play, jobs)))

    async def play(self, arena: Arena, *, seed: int, group: int = 0, sample: int = 0) -> Episode:
        """Plays `arena` once and scores it by rule.

        An infrastructure failure (of the sandbox) has it played again, `limits.retries` times. After the last, as at
        the deadline of the whole episode, its `reward` is None: unknown, never zero. So it is for an arena whose
        prompt alone is longer than `limits.max_prompt_tokens`, or does not fit the engine. The result is determined by
        the weights, the arena and `seed`.

        Args:
            seed: drives sampling. The order of tools comes from the arena and `group`, so that the samples of a
                group see the same prompt.
        """
        episode = await self._play_once(arena, seed=seed, group=group, sample=sample)
        for _ in range(self.limits.retries):
            if episode.stop_reason != "infrastructure":
                break
            episode = await self._play_once(arena, seed=seed, group=group, sample=sample)
        return episode

    async def _play_once(self, arena: Arena, **names: int) -> Episode:
        run = _Run(self, arena, **names)
        try:
            stop_reason = await asyncio.wait_for(run.turns(), self.limits.deadline_s)
        except TimeoutError:
            stop_reason = "deadline"
        except InfrastructureFailure:
            stop_reason = "infrastructure"
        finally:
            await run.close()
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
        self.backend = ArenaBackend(
            arena,
            player.sandbox,
            seed=derived_seed(arena.id, group),
            call_deadline=player.limits.call_deadline_s,
        )
        self.shown = self.backend.tools()
        self.messages = [Message(role="user", content=arena.question)]
        self.versions: list[list[VersionSpan]] = []  # of each turn

    async def turns(self) -> StopReason:
        self.buffer.start(self.messages, self.shown)
        if self.buffer.prompt_length > self.player.limits.max_prompt_tokens:
            return "context"
        for turn in range(self.player.limits.max_turns):
            room = min(self.player.limits.max_turn_tokens, self._tokens_left())
            if room < 1:
                return "max_tokens"
            try:
                completion = await self._sample_turn(turn, room)
            except ContextOverflow:
                return "context"
            observations = await self._respond(turn, completion)
            if not completion.finished:
                return "max_tokens" if len(completion.token_ids) == room else "context"
            if not observations:
                return "finished"
            self.messages += observations
            self.buffer.observe(observations)
        return "max_turns"

    def _tokens_left(self) -> int:
        return self.player.limits.max_tokens - (len(self.buffer) - self.buffer.prompt_length)

    async def _sample_turn(self, turn: int, max_tokens: int) -> Completion:
        player = self.player
        sampling = Sampling(
            max_tokens=max_tokens,
            stop_ids=self.buffer.stop_ids,
            temperature=player.temperature,
            seed=derived_seed(self.seed, turn),
        )
        completion = await player.engine.generate(self.buffer.ids, sampling, session=self.session)
        self.buffer.sampled(completion.token_ids, completion.logprobs)
        self.versions.append(_spans(completion.weight_versions))
        return completion

    async def _respond(self, turn: int, completion: Completion) -> list[Message]:
        """Records the assistant's message and returns what the environment answers; nothing ends the episode."""
        parsed = parse(self.player.tokenizer.decode(completion.token_ids), turn=turn)
        reply = Message(role="assistant", content=parsed.content, reasoning_content=parsed.reasoning or None)
        self.messages.append(reply)
        if not completion.finished:  # a turn that was cut off is not acted upon
            return []
        if parsed.calls:
            # In a thread: a tool can take its whole deadline, and the event loop must not wait for it.
            events = await self.player.in_thread(self.backend.execute, parsed.calls, turn)
            reply.tool_calls = [_as_message_call(event) for event in events]
            return [Message(role="tool", content=e.output, tool_call_id=e.call_id) for e in events]
        follow_up = self.backend.follow_up()
        if follow_up is None:
            return []
        return [follow_up_message(follow_up, self.backend.revealed(follow_up))]

    def episode(self, stop_reason: StopReason) -> Episode:
        unknown = stop_reason in ("infrastructure", "deadline") or not self.versions
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
            tools=self.shown,
            events=self.backend.events,
            reward=None if unknown else self.backend.score(),
            stop_reason=stop_reason,
        )

    async def close(self) -> None:
        self.player.engine.release(self.session)
        # In a thread: a call that outlived the episode's deadline holds its session until the call's own deadline.
        await self.player.in_thread(self.backend.close)


def _spans(versions: Sequence[int]) -> list[VersionSpan]:
    return [VersionSpan(version, len(list(tokens))) for version, tokens in groupby(versions)]


def _as_message_call(event: ToolEvent) -> ToolCall:
    arguments = event.arguments if isinstance(event.arguments, dict) else {}
    return ToolCall(id=event.call_id, name=event.name, arguments=arguments)
