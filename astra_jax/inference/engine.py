"""The in-process generation engine: slots with a KV cache, continuous batching, exact per-request results.

A request's tokens and log-probs are the same bits whether it runs alone or beside others. Three rules see to it:
the shapes of every dispatch are fixed by the engine's size, never by the load; a session (an episode) that loses
its slot has its cache moved to the host and back, not recomputed another way; and only the first prompt of a
session, which is always fed in chunks that start at multiples of the chunk size, is shared with other sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from astra_jax.inference.device_steps import (
    DecodeRows,
    copy_row,
    decode_steps,
    prefill_chunk,
    read_row,
    write_row,
)
from astra_jax.inference.interface import Completion, ContextOverflow, Sampling
from astra_jax.models import Transformer, init_cache


@dataclass(frozen=True)
class EngineSize:
    """Fixed shapes. They bound memory and decide speed; results do not depend on them beyond rounding."""

    slots: int = 32  # sequences with a cache
    context: int = 1024  # tokens a sequence may hold
    prefill_rows: int = 8  # sequences prefilled in one dispatch
    prefill_tokens: int = 64  # tokens of each that one dispatch takes
    decode_tokens: int = 8  # tokens sampled in one dispatch
    stop_ids: int = 4  # stop ids a request may have


@dataclass(eq=False)
class _Slot:
    """`ids` are the tokens whose keys and values lie in the cache, from position 0 on."""

    session: str = ""
    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    first_prompt: int = 0  # how many of them a first prompt may share
    busy: bool = False
    last_used: int = 0

    @property
    def shareable(self) -> np.ndarray:
        return self.ids[: self.first_prompt]


@dataclass(frozen=True)
class _Parked:
    """A session's cache on the host, while others use its slot."""

    ids: np.ndarray
    first_prompt: int
    row: Any


@dataclass(eq=False)
class _Request:
    prompt: np.ndarray
    sampling: Sampling
    session: str
    future: asyncio.Future[Completion]
    slot: int = -1
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def ids(self) -> np.ndarray:
        return np.concatenate([self.prompt, np.asarray(self.token_ids, np.int32)])


def _common_prefix(a: np.ndarray, b: np.ndarray) -> int:
    n = min(len(a), len(b))
    differs = np.flatnonzero(a[:n] != b[:n])
    return int(differs[0]) if len(differs) else n


class JaxEngine:
    """A `GenerationEngine` and `WeightSync` over a Flax model in this process."""

    def __init__(
        self,
        model: Transformer,
        size: EngineSize | None = None,
        *,
        version: int = 0,
        device: Any = None,
    ):
        """
        Args:
            device: a `jax.Device`, where weights and cache live; None is where the model is.
        """
        self.size = size or EngineSize()
        self.version = version
        self.device = device
        self._graph, weights = nnx.split(model, nnx.Param)
        self._weights = jax.device_put(nnx.to_pure_dict(weights), device)
        self._cache = jax.device_put(init_cache(model.config, self.size.slots, self.size.context), device)
        self._slots = [_Slot() for _ in range(self.size.slots)]
        self._parked: dict[str, _Parked] = {}
        self._waiting: list[_Request] = []
        self._running: list[_Request] = []
        self._loop_task: asyncio.Task[None] | None = None
        self._clock = 0
        # A thread of its own: tool calls that fill the default pool must not hold up the device.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, *, session: str = ""
    ) -> Completion:
        """See `GenerationEngine.generate`. Stops at a stop id, at `max_tokens`, or when the context is full.

        A request whose task is cancelled leaves its slot after the dispatch that is under way.
        """
        prompt = np.asarray(token_ids, np.int32)
        if not 0 < len(prompt) < self.size.context:
            raise ContextOverflow(
                f"a prompt of {len(prompt)} tokens does not fit a context of {self.size.context} tokens"
            )
        if sampling.max_tokens < 1:
            raise ValueError(f"max_tokens is {sampling.max_tokens}: a completion has at least one token")
        if len(sampling.stop_ids) > self.size.stop_ids:
            raise ValueError(
                f"{len(sampling.stop_ids)} stop ids given; the engine takes {self.size.stop_ids}"
            )
        request = _Request(prompt, sampling, session, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._loop_task is None or self._loop_task.done():
            self._loop_task = asyncio.create_task(self._run())
        return await request.future

    def release(self, session: str) -> None:
        """Forgets a session. Its first prompt can still serve equal ones."""
        self._parked.pop(session, None)
        for slot in self._slots:
            if slot.session == session:
                slot.session = ""

    def push(self, weights: Any, version: int) -> None:
        """Samples from `weights` (a nested dict, as `training.state.split_model` gives) from now on.

        Every cache is dropped: keys and values of other weights are of no use.

        Raises:
            RuntimeError: a request is being generated.
        """
        self._settle()
        if self._running or self._waiting:
            raise RuntimeError("weights cannot change while requests are being generated")
        self._weights = jax.device_put(weights, self.device)
        self.version = version
        self._parked.clear()
        for slot in self._slots:
            slot.ids = slot.ids[:0]

    async def _run(self) -> None:
        try:
            while self._waiting or self._running:
                self._admit()
                step = self._prefill if self._unfilled() else self._decode
                await asyncio.get_running_loop().run_in_executor(self._thread, step)
                self._finish()
                await asyncio.sleep(0)  # resumed episodes submit their next turn before the next dispatch
        except Exception as error:  # every waiter must hear of it: nothing may hang
            self._abandon(error)
        except asyncio.CancelledError:
            self._abandon(RuntimeError("the engine was stopped while it generated"))
            raise

    def _settle(self) -> None:
        """Waits for the dispatch under way, and drops requests that nobody waits for any more."""
        self._thread.submit(lambda: None).result()
        self._finish()
        self._waiting = [request for request in self._waiting if not request.future.cancelled()]

    def _abandon(self, error: Exception) -> None:
        for request in self._waiting + self._running:
            if not request.future.done():
                request.future.set_exception(error)
        self._thread.submit(lambda: None).result()  # what comes next must not meet a dispatch under way
        for request in self._running:
            self._slots[request.slot].busy = False
        self._waiting, self._running = [], []

    def _admit(self) -> None:
        """Gives waiting requests a slot, first come first served."""
        still_waiting = []
        for request in self._waiting:
            if request.future.cancelled():
                continue
            slot = None if self._shares_unfilled_prompt(request) else self._find_slot(request.session)
            if slot is None:
                still_waiting.append(request)
                continue
            self._seat(request, slot)
        self._waiting = still_waiting

    def _shares_unfilled_prompt(self, request: _Request) -> bool:
        """True while another request computes a prefix that this one can copy: a group's prompt is prefilled once."""
        if self._holds(request.session):
            return False
        done = max(self._shared_length(slot.shareable, request) for slot in self._slots)
        return any(
            self._shared_length(other.prompt[: self._slots[other.slot].first_prompt], request) > done
            for other in self._unfilled()
        )

    def _holds(self, session: str) -> bool:
        return bool(session) and (session in self._parked or any(s.session == session for s in self._slots))

    def _shared_length(self, computed: np.ndarray, request: _Request) -> int:
        """How many tokens of `computed` the request may copy: all that it needs, or whole chunks."""
        needed = request.prompt[:-1]
        common = _common_prefix(computed, needed)
        return common if common == len(needed) else common - common % self.size.prefill_tokens

    def _find_slot(self, session: str) -> int | None:
        idle = [i for i, slot in enumerate(self._slots) if not slot.busy]
        if session:
            for i in idle:
                if self._slots[i].session == session:
                    return i
        return min(idle, key=lambda i: (bool(self._slots[i].session), self._slots[i].last_used), default=None)

    def _seat(self, request: _Request, index: int) -> None:
        slot = self._slots[index]
        if not (request.session and slot.session == request.session):
            self._park(index)
            self._unpark(request.session, index)
        if not self._holds(request.session):
            self._share_first_prompt(request, index)
        if (kept := _common_prefix(slot.ids, request.prompt[:-1])) < len(slot.ids):
            slot.ids, slot.first_prompt = slot.ids[:kept], min(slot.first_prompt, kept)
        self._clock += 1
        slot.session, slot.busy, slot.last_used = request.session, True, self._clock
        request.slot = index
        self._running.append(request)

    def _park(self, index: int) -> None:
        slot = self._slots[index]
        if slot.session:
            row = jax.device_get(read_row(self._cache, index))
            self._parked[slot.session] = _Parked(slot.ids, slot.first_prompt, row)
            slot.session = ""

    def _unpark(self, session: str, index: int) -> None:
        parked = self._parked.pop(session, None)
        if parked is not None:
            slot = self._slots[index]
            self._cache = write_row(self._cache, parked.row, index)
            slot.session, slot.ids, slot.first_prompt = session, parked.ids, parked.first_prompt

    def _share_first_prompt(self, request: _Request, index: int) -> None:
        lengths = [self._shared_length(slot.shareable, request) for slot in self._slots]
        donor = int(np.argmax(lengths))
        if donor != index and lengths[donor]:
            self._cache = copy_row(self._cache, donor, index)
        slot = self._slots[index]
        slot.ids, slot.first_prompt = request.prompt[: lengths[donor]], len(request.prompt) - 1

    def _unfilled(self) -> list[_Request]:
        return [r for r in self._running if len(self._slots[r.slot].ids) < len(r.ids) - 1]

    def _prefill(self) -> None:
        """Feeds the next chunk of up to `prefill_rows` prompts, all but the last token of each."""
        size = self.size
        requests = self._unfilled()[: size.prefill_rows]
        rows = np.full(size.prefill_rows, size.slots, np.int32)  # out of range: dropped
        tokens = np.zeros((size.prefill_rows, size.prefill_tokens), np.int32)
        positions = np.full_like(tokens, -1)
        for i, request in enumerate(requests):
            slot = self._slots[request.slot]
            start = len(slot.ids)
            chunk = request.ids[start:-1][: size.prefill_tokens]
            rows[i] = request.slot
            tokens[i, : len(chunk)] = chunk
            positions[i, : len(chunk)] = np.arange(start, start + len(chunk))
            slot.ids = np.concatenate([slot.ids, chunk])
        self._cache = prefill_chunk(self._graph, self._weights, self._cache, rows, tokens, positions)

    def _decode(self) -> None:
        """Samples up to `decode_tokens` tokens for every running request."""
        size = self.size
        rows = DecodeRows.idle(size.slots, size.stop_ids)
        for request in self._running:
            rows.set(request.slot, request.ids, self._remaining(request), request.sampling)
        self._cache, tokens, logprobs = decode_steps(
            self._graph, self._weights, self._cache, rows, size.decode_tokens
        )
        tokens, logprobs = np.asarray(tokens), np.asarray(logprobs)
        for request in self._running:
            drawn = tokens[:, request.slot]
            drawn = drawn[drawn >= 0]
            slot = self._slots[request.slot]
            slot.ids = np.concatenate([request.ids, drawn[:-1]])
            request.token_ids += drawn.tolist()
            request.logprobs += logprobs[: len(drawn), request.slot].tolist()

    def _remaining(self, request: _Request) -> int:
        room = self.size.context - len(request.prompt)
        return min(request.sampling.max_tokens, room) - len(request.token_ids)

    def _finish(self) -> None:
        for request in list(self._running):
            stopped = bool(request.token_ids) and request.token_ids[-1] in request.sampling.stop_ids
            cancelled = request.future.cancelled()
            if not (stopped or cancelled or self._remaining(request) <= 0):
                continue
            self._running.remove(request)
            self._slots[request.slot].busy = False
            if not cancelled:
                completion = Completion(request.token_ids, request.logprobs, stopped, self.version)
                request.future.set_result(completion)
