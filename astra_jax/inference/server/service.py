"""What the routes share: engines, tokenizer, requests under way with their ids, weights, and what is counted."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

from flax import nnx

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import load_config
from astra_jax.inference.checkpoint import sampling_model
from astra_jax.inference.interface import Completion, Grammar, Likeliest, Reason, Sampling, WeightsMismatch
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.request import Piece, Request
from astra_jax.inference.server.errors import Refused
from astra_jax.inference.server.grammars import Grammars
from astra_jax.inference.server.metrics import Metrics
from astra_jax.inference.server.text import TextStream
from astra_jax.models import ModelConfig
from astra_jax.tokens import ChatFormat, Tokenizer

# Fields of a model's configuration in which checkpoints of one model may differ.
_NOT_COMPUTED = ("max_positions", "init_std", "param_dtype", "compute_dtype", "remat")


@dataclass(frozen=True)
class Settings:
    model: str  # its name in requests
    folder: Path
    format: ChatFormat
    queue: int = 256  # requests that may wait for a slot
    deadline_s: float = 600.0  # of a request, from its arrival
    dtype: str = "float32"  # of weights, products and cache


class Delta(NamedTuple):
    """What one piece adds. The text may lag behind the tokens."""

    text: str
    token_ids: list[int]
    logprobs: list[float]
    top_logprobs: list[Likeliest]


class Answer:
    """One completion on its way to a client."""

    def __init__(self, rid: str, request: Request, text: TextStream, metrics: Metrics):
        self.rid, self.prompt_tokens = rid, len(request.prompt)
        self.text, self.token_ids, self.logprobs, self.top_logprobs = "", [], [], []
        self._request, self._stream, self._metrics = request, text, metrics
        self._began = time.monotonic()

    @property
    def cached_tokens(self) -> int:
        """Tokens of the prompt that a cache had."""
        return self._request.cached

    @property
    def matched(self) -> str | int | None:
        """What ended it: a stop string, or a stop id."""
        if self._stream.matched is not None or self.reason != "stop":
            return self._stream.matched
        return self.token_ids[-1]

    @property
    def reason(self) -> Reason:
        """Once it is over."""
        return "stop" if self._stream.matched is not None else self._request.done.result().reason

    @property
    def weight_version(self) -> int | None:
        """Of the last token; None if there is none."""
        return self._request.versions[len(self.token_ids) - 1] if self.token_ids else None

    @property
    def weight_spans(self) -> list[tuple[int, int, int]]:
        """(version, start, end) of each run of tokens that one version drew."""
        drawn = self._request.versions[: len(self.token_ids)]
        starts = [i for i in range(len(drawn)) if i == 0 or drawn[i] != drawn[i - 1]]
        ends = [*starts[1:], len(drawn)]
        return [(drawn[start], start, end) for start, end in zip(starts, ends, strict=True)] if drawn else []

    @property
    def abandoned(self) -> bool:
        """Whether its reader left before it was over, and nobody had asked for its end."""
        left = self._request.done.cancelled()
        return left and self._stream.matched is None and not self._request.aborted

    def abort(self) -> None:
        self._request.abort()

    def when_over(self, call: Callable[[], None]) -> None:
        self._request.done.add_done_callback(lambda _: call())

    def when_failed(self, call: Callable[[], None]) -> None:
        def over(done: asyncio.Future[Completion]) -> None:
            if not done.cancelled() and done.exception():
                call()

        self._request.done.add_done_callback(over)

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Ends with a stop string too. Whoever stops reading gives the completion up."""
        try:
            async with aclosing(self._request.pieces()) as pieces:
                async for piece in pieces:
                    if not self.token_ids:
                        self._metrics.first_token_s.observe(time.monotonic() - self._began)
                    delta = self._read(piece)
                    yield delta
                    if self._stream.matched is not None:
                        return
            if rest := self._stream.close():
                self.text += rest
                yield Delta(rest, [], [], [])
        finally:
            self._metrics.drawn_tokens.inc(len(self.token_ids))

    async def whole(self) -> Answer:
        async with aclosing(self.deltas()) as deltas:
            async for _ in deltas:
                pass
        return self

    def _read(self, piece: Piece) -> Delta:
        shown, count = "", 0
        for token in piece.token_ids:
            shown += self._stream.add(token)
            count += 1
            if self._stream.matched is not None:
                break
        delta = Delta(shown, piece.token_ids[:count], piece.logprobs[:count], piece.top_logprobs[:count])
        self.text += shown
        self.token_ids += delta.token_ids
        self.logprobs += delta.logprobs
        self.top_logprobs += delta.top_logprobs
        return delta


class Service:
    """The state of a server."""

    def __init__(self, engines: EnginePool, tokenizer: Tokenizer, settings: Settings):
        self.engines, self.tokenizer, self.settings = engines, tokenizer, settings
        ends = {tokenizer.eos_id, *tokenizer.encode(settings.format.end_of_turn)[:1]}
        self.stop_ids = tuple(sorted(token for token in ends if token is not None))
        self.vocab_size, self.context = engines.config.vocab_size, engines.size.context
        self.grammars = Grammars(tokenizer, self.vocab_size, self.stop_ids)
        self.metrics = Metrics(lambda: engines.load)
        self.versions = ["default"]  # the name of each version of the weights
        self.folder = settings.folder
        self._under_way: dict[str, list[Answer]] = {}
        self._updating = asyncio.Lock()

    def begin(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stops: Sequence[str] = (),
        grammar: Grammar | None = None,
        rid: str = "",
    ) -> Answer:
        """Starts a completion.

        Args:
            rid: the client's name for it; of several completions of one request, of all. Without one it gets its own.

        Raises:
            GenerationError: the engine cannot meet it.
        """
        rid = rid or uuid.uuid4().hex
        request = self.engines.submit(prompt, sampling, grammar=grammar)
        answer = Answer(rid, request, TextStream(self.tokenizer, sampling.stop_ids, stops), self.metrics)
        self._under_way.setdefault(rid, []).append(answer)
        answer.when_over(lambda: self._ended(answer))
        self.metrics.requests.inc()
        self.metrics.prompt_tokens.inc(len(prompt))
        return answer

    def begin_all(
        self,
        prompts: Sequence[Sequence[int]],
        n: int,
        sampling: Sampling,
        *,
        rids: Sequence[str],
        stops: Sequence[str] = (),
        grammar: Callable[[], Grammar] | None = None,
    ) -> list[Answer]:
        """Starts `n` completions of each prompt, of seeds that follow `sampling`'s, or none.

        They are one client's: when one fails, the others end too.

        Args:
            rids: a name, or none, for each prompt.
            grammar: makes that of one completion.

        Raises:
            Refused: they are more than the queue holds, or than it has room for now.
            GenerationError: the engine cannot meet one.
        """
        self._check_room(len(prompts) * n)
        answers: list[Answer] = []
        try:
            for prompt, rid in zip(prompts, rids, strict=True):
                for i in range(n):
                    own = replace(sampling, seed=sampling.seed + i, deadline_s=self.settings.deadline_s)
                    made = grammar() if grammar else None
                    answers.append(self.begin(prompt, own, stops=stops, grammar=made, rid=rid))
        except Exception:
            _abort(answers)
            raise
        for answer in answers:
            answer.when_failed(lambda: _abort(answers))
        return answers

    def _check_room(self, count: int) -> None:
        waiting, queue = self.engines.load[1], self.settings.queue
        if count > queue:
            raise Refused(400, f"{count} completions in one request: the queue holds {queue}")
        if waiting + count > queue:
            self.metrics.refused.inc(count)
            raise Refused(429, f"{waiting} of {queue} requests wait already", "queue_full", retry_after=1)

    def abort(self, rid: str) -> None:
        """Ends completions with what they have; those of nobody are nothing."""
        _abort(self._under_way.get(rid, ()))

    def abort_all(self) -> None:
        for rid in self._under_way:
            self.abort(rid)

    def flush(self) -> None:
        """Raises `Refused` while requests are being generated and the engines are not paused."""
        if any(self.engines.load) and not self.engines.paused:
            raise Refused(400, "the cache is in use: requests are being generated")
        self.engines.flush()

    async def update(self, folder: Path, name: str | None) -> None:
        """Generates with the weights of `folder` from now on. Requests under way go on with them.

        Raises:
            Refused: the folder cannot be read, or its weights are of another model.
        """
        async with self._updating:
            try:
                self._push(await asyncio.to_thread(self._weights_of, folder))
            except (CheckpointError, OSError, ValueError, WeightsMismatch) as error:
                raise Refused(400, f"{folder}: {error}") from None
            self.versions.append(name or str(len(self.versions)))
            self.folder = folder

    def _weights_of(self, folder: Path) -> dict:
        """Raises `WeightsMismatch` before any is read, besides what `sampling_model` raises."""
        differ = _differing(load_config(folder), self.engines.config)
        if differ:
            raise WeightsMismatch(f"it is of another model: {', '.join(differ)}")
        model = sampling_model(folder, self.settings.dtype)
        return nnx.to_pure_dict(nnx.state(model, nnx.Param))

    def _push(self, weights: dict) -> None:
        paused = self.engines.paused
        self.engines.pause()
        try:
            self.engines.push(weights, len(self.versions))
        finally:
            if not paused:
                self.engines.resume()

    def _ended(self, answer: Answer) -> None:
        left = [other for other in self._under_way[answer.rid] if other is not answer]
        if left:
            self._under_way[answer.rid] = left
        else:
            del self._under_way[answer.rid]
        self.metrics.cached_tokens.inc(answer.cached_tokens)
        if answer.abandoned:
            self.metrics.abandoned.inc()


def _differing(theirs: ModelConfig, ours: ModelConfig) -> list[str]:
    """What would be computed otherwise."""
    names = [field.name for field in fields(ModelConfig) if field.name not in _NOT_COMPUTED]
    pairs = [(name, getattr(theirs, name), getattr(ours, name)) for name in names]
    return [f"{name} is {theirs}, not {ours}" for name, theirs, ours in pairs if theirs != ours]


def _abort(answers: Iterable[Answer]) -> None:
    for answer in answers:
        answer.abort()
