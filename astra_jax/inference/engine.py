"""The in-process generation engine: slots with a KV cache, continuous batching, exact per-request results.

A request's tokens and log-probs are the same bits whether it runs alone or beside others. Three rules see to it: the
shape of every dispatch is fixed by the engine's size, or follows from the request itself, never from the load; within a
dispatch, what is computed for a row does not look at the others; and a sequence is always read in the same pieces
(`slots`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh, SingleDeviceSharding

from astra_jax.inference.device_steps import DecodeRows, decode_steps, layers_apart, prefill_chunk
from astra_jax.inference.interface import (
    MOST_TOP_LOGPROBS,
    BadSampling,
    Completion,
    ContextOverflow,
    Grammar,
    GrammarFailed,
    Likeliest,
    Sampling,
    WeightsMismatch,
)
from astra_jax.inference.request import Piece, Request
from astra_jax.inference.slots import EngineSize, Slots
from astra_jax.models import Transformer, init_cache
from astra_jax.models.cache import CACHE_AXES
from astra_jax.sharding import named_sharding
from astra_jax.training.state import param_shardings

__all__ = ["EngineSize", "JaxEngine"]

LARGE = 2**25  # bytes of weights that a CPU's caches do not hold: products read them in another order
_LEAST = 1e-6  # of a temperature but 0, and of top_p: their products stay numbers in float32
_PAUSE_POLL_S = 0.02  # how soon an engine that is paused hears of an abort


class JaxEngine:
    """A `GenerationEngine` and `WeightSync` over a Flax model in this process."""

    def __init__(
        self,
        model: Transformer,
        size: EngineSize | None = None,
        place: Any = None,
        *,
        version: int = 0,
    ):
        """
        Args:
            place: the `jax.Device` where weights and cache live; None is where the model is. Or a mesh of devices that
                share them as `sharding.RULES` says: slots over the axes of a batch, which must divide `slots` and
                `prefill_rows`; heads over `tensor`. Sums over devices are in another order than on one: log-probs
                differ in the last bits from one mesh to another, and on the same mesh never.

        Raises:
            ShardingError: the model or the size does not divide over the mesh.
        """
        self.size = size or EngineSize()
        self.version = version
        self.config = model.config
        if isinstance(place, Mesh) and place.size == 1:
            place = place.devices.item()
        self._mesh = place if isinstance(place, Mesh) else None
        self._place = param_shardings(model, place) if isinstance(place, Mesh) else place
        self._stacked, weights = nnx.split(model, nnx.Param)
        weights = nnx.to_pure_dict(weights)
        self._shapes = jax.tree.map(np.shape, weights)
        self._weights = jax.device_put(weights, self._place)
        platform = next(iter(jax.tree.leaves(self._weights)[0].devices())).platform
        # But for a TPU, a layer sliced out of a stack is a copy, which every dispatch would make again.
        self._apart = platform != "tpu"
        size_of_weights = sum(x.nbytes for x in jax.tree.leaves(self._weights))
        self._outputs_first = platform == "cpu" and size_of_weights > LARGE
        self._graph = self._graph_apart() if self._apart else self._stacked
        self._weights = self._placed(self._weights)
        self._empty_cache = self._maker_of_caches()
        self._slots = Slots(self._empty_cache(), self.size)
        self._waiting: list[Request] = []
        self._running: list[Request] = []
        self._loop_task: asyncio.Task[None] | None = None
        self.paused = False
        # A thread of its own: tool calls that fill the default pool must not hold up the device.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")

    async def generate(
        self,
        token_ids: Sequence[int],
        sampling: Sampling,
        *,
        session: str = "",
        grammar: Grammar | None = None,
    ) -> Completion:
        """See `GenerationEngine.generate`, and `submit`.

        A request whose task is cancelled leaves its slot after the dispatch that is under way.
        """
        return await self.submit(token_ids, sampling, session=session, grammar=grammar).done

    async def stream(
        self,
        token_ids: Sequence[int],
        sampling: Sampling,
        *,
        session: str = "",
        grammar: Grammar | None = None,
    ) -> AsyncGenerator[Piece, None]:
        """As `generate`, in pieces. Closing the iterator gives the request up."""
        async with aclosing(
            self.submit(token_ids, sampling, session=session, grammar=grammar).pieces()
        ) as pieces:
            async for piece in pieces:
                yield piece

    def submit(
        self,
        token_ids: Sequence[int],
        sampling: Sampling,
        *,
        session: str = "",
        grammar: Grammar | None = None,
    ) -> Request:
        """Begins a request, whose `done` is its completion. It ends at a stop id, at `max_tokens`, or when the context
        is full; or before that by `abort` or its deadline.

        Args:
            grammar: asked before every token what it may be. The request then draws one token a dispatch; others are
                no slower and get the same tokens.

        Raises:
            ContextOverflow: the prompt leaves no room for a token.
            BadSampling: a field of `sampling` cannot be, or the vocabulary lacks a token of the prompt.
        """
        prompt = self._ids(token_ids)
        self._check(prompt, sampling)
        limit = min(sampling.max_tokens, self.size.context - len(prompt))
        request = Request(prompt, sampling, limit, session, grammar)
        self._waiting.append(request)
        if self._loop_task is None or self._loop_task.done():
            self._loop_task = asyncio.create_task(self._run())
        return request

    def release(self, session: str) -> None:
        """Forgets a session. Its first prompt can still serve equal ones."""
        self._slots.release(session)

    def push(self, weights: Any, version: int) -> None:
        """Samples from `weights` (a nested dict, as `training.state.split_model` gives) from now on.

        Every cache is dropped: keys and values of other weights are of no use. Requests that were being generated
        when the engine was paused go on with the new weights; each of their tokens has the version that drew it.

        Raises:
            RuntimeError: a request is being generated, and the engine is not paused.
            WeightsMismatch: they are of another model.
        """
        self._settle()
        if (self._running or self._waiting) and not self.paused:
            raise RuntimeError(
                "weights cannot change while requests are being generated: pause the engine first"
            )
        if jax.tree.map(np.shape, weights) != self._shapes:
            raise WeightsMismatch("these weights are of a model of another shape")
        self._weights = self._placed(weights)
        self.version = version
        self.flush()

    def flush(self) -> None:
        """Drops every cache. What is being generated is read again, so it should be nothing, or the engine paused."""
        self._forget()
        for request in self._running:
            self._slots.restart(request)

    def pause(self) -> None:
        """Nothing is computed from now on until `resume`. Requests wait, and their deadlines pass."""
        self.paused = True
        self._settle()

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        """Lets its thread go. Nothing can be generated afterwards."""
        self._thread.shutdown()

    @property
    def load(self) -> tuple[int, int]:
        """How many requests are being generated, and how many wait for a slot."""
        return len(self._running), len(self._waiting)

    @property
    def seated(self) -> int:
        """How many requests have had a slot."""
        return self._slots.seated

    def unread(self, token_ids: Sequence[int]) -> int:
        """How many tokens would be read before the first of a new request without a session is drawn: those of its own
        that no cache has, and those of others. Raises as `submit`.
        """
        others = sum(len(r.ids) - 1 - len(self._slots[r.slot].ids) for r in self._running)
        prompt = self._ids(token_ids)
        return others + sum(len(r.prompt) for r in self._waiting) + len(prompt) - self._slots.cached(prompt)

    def _placed(self, weights: Any) -> Any:
        weights = jax.device_put(weights, self._place)
        return layers_apart(self._stacked, weights, self._outputs_first) if self._apart else weights

    def _graph_apart(self) -> Any:
        """That of the model with its layers apart. No weight is sliced for it."""

        def apart() -> Transformer:
            return nnx.merge(self._stacked, self._weights).unstacked(self._outputs_first)

        return nnx.split(nnx.eval_shape(apart), nnx.Param)[0]

    def _maker_of_caches(self) -> Callable[[], Any]:
        """Makes a cache where it belongs: no other device ever has it, and of a mesh none all of it."""

        def empty() -> Any:
            return init_cache(self.config, self.size.slots, self.size.context)

        mesh = self._mesh
        if mesh is None:
            place = None if self._place is None else SingleDeviceSharding(self._place)
            return jax.jit(empty, out_shardings=place)
        shardings = jax.tree.map(
            lambda x: named_sharding(mesh, CACHE_AXES, x.shape, name="cache"), jax.eval_shape(empty)
        )
        return jax.jit(empty, out_shardings=shardings)

    def _on_mesh(self) -> AbstractContextManager:
        return nullcontext() if self._mesh is None else jax.set_mesh(self._mesh)

    def _ids(self, token_ids: Sequence[int]) -> np.ndarray:
        try:
            ids = np.asarray(token_ids, np.int64)
            known = bool(((ids >= 0) & (ids < self.config.vocab_size)).all())
        except OverflowError:
            known = False
        if not known:
            raise BadSampling(f"the prompt has tokens outside a vocabulary of {self.config.vocab_size}")
        return ids.astype(np.int32)

    def _check(self, prompt: np.ndarray, sampling: Sampling) -> None:
        size, V = self.size, self.config.vocab_size
        if not 0 < len(prompt) < size.context:
            raise ContextOverflow(
                f"a prompt of {len(prompt)} tokens does not fit a context of {size.context} tokens"
            )
        checks = {
            f"max_tokens is {sampling.max_tokens}: a completion has at least one token": sampling.max_tokens
            >= 1,
            f"{len(sampling.stop_ids)} stop ids given; the engine takes {size.stop_ids}": (
                len(sampling.stop_ids) <= size.stop_ids
            ),
            f"stop ids {sampling.stop_ids} are not all tokens of a vocabulary of {V}": (
                all(0 <= token < V for token in sampling.stop_ids)
            ),
            f"temperature is {sampling.temperature}: it is 0, or from {_LEAST} to {1 / _LEAST}": (
                sampling.temperature == 0 or _LEAST <= sampling.temperature <= 1 / _LEAST
            ),
            f"top_p is {sampling.top_p}: it is at least {_LEAST}, and at most 1": _LEAST
            <= sampling.top_p
            <= 1,
            f"top_k is {sampling.top_k}: it is 0 (all tokens) or more": sampling.top_k >= 0,
            f"top_logprobs is {sampling.top_logprobs}: it is from 0 to {MOST_TOP_LOGPROBS}": (
                0 <= sampling.top_logprobs <= MOST_TOP_LOGPROBS
            ),
        }
        for sentence, holds in checks.items():
            if not holds:
                raise BadSampling(sentence)

    async def _run(self) -> None:
        try:
            while self._waiting or self._running:
                self._settle_requests()
                if self.paused:
                    await asyncio.sleep(_PAUSE_POLL_S)
                    continue
                self._admit()
                if self._running:
                    await asyncio.get_running_loop().run_in_executor(self._thread, self._dispatch())
                    self._settle_requests()
                await asyncio.sleep(0)  # resumed episodes submit their next turn before the next dispatch
        except Exception as error:  # every waiter must hear of it: nothing may hang
            self._abandon(error)
            self._forget()
        except asyncio.CancelledError:
            self._abandon(RuntimeError("the engine was stopped while it generated"))
            raise

    def _settle(self) -> None:
        """Waits for the dispatch under way, and drops requests that nobody waits for any more."""
        self._thread.submit(lambda: None).result()
        self._settle_requests()

    def _settle_requests(self) -> None:
        """Ends what has come to its end, and tells those who wait for pieces."""
        for request in list(self._running):
            if request.settle():
                self._running.remove(request)
                self._slots[request.slot].busy = False
        self._waiting = [request for request in self._waiting if not request.settle()]

    def _abandon(self, error: Exception) -> None:
        for request in self._waiting + self._running:
            request.fail(error)
        self._thread.submit(lambda: None).result()  # what comes next must not meet a dispatch under way
        for request in self._running:
            self._slots[request.slot].busy = False
        self._waiting, self._running = [], []

    def _forget(self) -> None:
        """Begins with an empty cache: after a dispatch that failed, which may have written half of what slots say they
        have, and taken the cache; and where weights were no numbers, as what lies behind a mask is multiplied by 0.
        """
        self._slots.clear()
        self._slots.cache = None  # there may be no room for two
        self._slots.cache = self._empty_cache()

    def _admit(self) -> None:
        """Gives waiting requests a slot, first come first served."""
        still_waiting = []
        for request in self._waiting:
            with self._on_mesh():
                placed = self._slots.place(request, self._running)
            (self._running if placed else still_waiting).append(request)
        self._waiting = still_waiting

    def _dispatch(self) -> Any:
        """What the device does next: prompts go before decoding."""
        in_chunks = [
            request
            for request in self._slots.unfilled(self._running)
            if not self._slots[request.slot].next_stretch().drawn
        ]
        return (lambda: self._prefill(in_chunks)) if in_chunks else self._decode

    def _prefill(self, requests: list[Request]) -> None:
        """Feeds the next chunk of up to `prefill_rows` prompts, all but the last token of each."""
        size = self.size

        def width(request: Request) -> int:
            slot = self._slots[request.slot]
            return size.chunk(slot.next_stretch().end - len(slot.ids))

        C = width(requests[0])
        rows = np.full(size.prefill_rows, size.slots, np.int32)  # out of range: dropped
        tokens = np.zeros((size.prefill_rows, C), np.int32)
        positions = np.full_like(tokens, -1)
        for i, request in enumerate([r for r in requests if width(r) == C][: size.prefill_rows]):
            slot = self._slots[request.slot]
            start = len(slot.ids)
            chunk = request.ids[start : slot.next_stretch().end][:C]
            rows[i] = request.slot
            tokens[i, : len(chunk)] = chunk
            positions[i, : len(chunk)] = np.arange(start, start + len(chunk))
            slot.ids = np.concatenate([slot.ids, chunk])
        with self._on_mesh():
            self._slots.cache = prefill_chunk(
                self._graph, self._weights, self._slots.cache, rows, tokens, positions
            )

    def _decode(self) -> None:
        """Samples up to `decode_tokens` tokens for every running request, or reads drawn ones again."""
        size, version = self.size, self.version
        rows = DecodeRows.idle(size.slots, size.stop_ids, self.config.vocab_size, size.decode_tokens)
        again = set(self._slots.unfilled(self._running))
        for request in self._running:
            if request in again:
                slot = self._slots[request.slot]
                rows.replay(request.slot, request.ids[: slot.next_stretch().end + 1], len(slot.ids))
            else:
                self._set(rows, request)
        # One program more, made when it is first asked for: all get the same tokens by either.
        top = MOST_TOP_LOGPROBS if any(r.sampling.top_logprobs for r in self._running) else 0
        with self._on_mesh():
            self._slots.cache, *told = decode_steps(self._graph, self._weights, self._slots.cache, rows, top)
        tokens, logprobs, likeliest = jax.device_get(told)
        for request in self._running:
            slot, drawn = self._slots[request.slot], tokens[:, request.slot]
            drawn = drawn[drawn >= 0]
            if request in again:
                slot.ids = request.ids[: len(slot.ids) + len(drawn)]
            elif len(drawn):
                ids, scores = drawn.tolist(), logprobs[: len(drawn), request.slot].tolist()
                request.drawn(ids, scores, version, _told(request, ids, scores, likeliest))
                slot.drew(request.ids[:-1])

    def _set(self, rows: DecodeRows, request: Request) -> None:
        remaining, ids = request.remaining, request.ids
        if request.grammar:
            try:
                allowed = request.grammar.allowed()
                if not allowed.any():
                    raise GrammarFailed("the grammar allows no token here")
            except Exception as error:
                request.failure = error
                return
            words = rows.choice.allowed_BxW[request.slot]
            words[:] = 0
            words[: len(allowed)] = allowed[: len(words)]
            remaining = 1
        rows.set(request.slot, int(ids[-1]), len(ids) - 1, remaining, request.sampling)


def _told(
    request: Request, drawn: list[int], scores: list[float], likeliest: tuple[np.ndarray, np.ndarray] | None
) -> list[Likeliest]:
    """The likeliest tokens at the places of those that a dispatch drew for a request, as many as it asked for."""
    count = request.sampling.top_logprobs
    if not (count and likeliest):
        return []
    places = zip(*(values[: len(drawn), request.slot, :count].tolist() for values in likeliest), strict=True)
    told = [list(zip(tokens, logprobs, strict=True)) for tokens, logprobs in places]
    # The compiler may round a score otherwise in each place that needs it: a drawn token has one.
    return [
        [(token, score if token == own else logprob) for token, logprob in place]
        for place, own, score in zip(told, drawn, scores, strict=True)
    ]
