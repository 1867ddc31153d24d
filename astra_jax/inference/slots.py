"""Which sequence has which row of the cache, and in what pieces it got there.

A sequence's keys and values are the same bits however it came to its row, because it is always read in the same pieces:
its first prompt in chunks that follow from the prompt's length, what was drawn a token at a time, and each later
prompt's new tokens in chunks again (`Stretch`). Moved to the host and back it is a copy; read again, it is read in the
pieces that it was read in before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from astra_jax.inference.device_steps import copy_row, read_row, write_row
from astra_jax.inference.request import Request
from astra_jax.training.settings import check_least


@dataclass(frozen=True)
class EngineSize:
    """Fixed shapes. They bound memory and decide speed; results do not depend on them beyond rounding.

    Raises:
        BadSetting: a size with which nothing could be drawn.
    """

    slots: int = 32  # sequences with a cache
    context: int = 1024  # tokens a sequence may hold
    prefill_rows: int = 1  # sequences prefilled in one dispatch
    prefill_tokens: int = 256  # tokens of each that one dispatch takes
    prefill_tail: int = 64  # the same, if less, where a sequence has no more than twice as many left
    decode_tokens: int = 8  # tokens sampled in one dispatch
    stop_ids: int = 4  # stop ids a request may have
    parked: int = 256  # sequences whose caches are kept on the host while others have their slots
    shares_prompts: bool = True  # whether a prompt's beginning may be copied from another sequence's cache

    def __post_init__(self) -> None:
        least = {"slots": 1, "context": 2, "prefill_rows": 1, "prefill_tokens": 1, "prefill_tail": 1}
        least |= {"decode_tokens": 1, "stop_ids": 1, "parked": 0}
        check_least(vars(self), least, within="")

    def chunk(self, left: int) -> int:
        """The width of the next dispatch for a sequence that has `left` tokens to be read."""
        tail = min(self.prefill_tail, self.prefill_tokens)
        return tail if left <= 2 * tail else self.prefill_tokens


class Stretch(NamedTuple):
    """Tokens up to `end`: drawn one at a time, or read in chunks."""

    end: int
    drawn: bool


@dataclass(eq=False)
class Slot:
    """`ids` are the tokens whose keys and values lie in the cache, from position 0 on."""

    session: str = ""
    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    plan: tuple[Stretch, ...] = ()  # how the tokens of its sequence are read, from position 0 on
    first_prompt: int = 0  # how many tokens of it a first prompt may share
    busy: bool = False
    last_used: int = 0

    @property
    def shareable(self) -> np.ndarray:
        return self.ids[: self.first_prompt]

    def next_stretch(self) -> Stretch:
        return next(stretch for stretch in self.plan if stretch.end > len(self.ids))

    def drew(self, ids: np.ndarray) -> None:
        """A dispatch has drawn tokens: these are now in the cache."""
        self.ids = ids
        kept = self.plan[:-1] if self.plan and self.plan[-1].drawn else self.plan
        self.plan = (*kept, Stretch(len(ids), True))


@dataclass(frozen=True)
class _Parked:
    """A session's cache on the host, as far as it reaches, while others use its slot. Without a row it has to be read
    again.
    """

    ids: np.ndarray
    plan: tuple[Stretch, ...]
    first_prompt: int
    row: Any


class Slots:
    """The rows of a cache."""

    def __init__(self, cache: Any, size: EngineSize):
        self.cache, self.size = cache, size
        self.all = [Slot() for _ in range(size.slots)]
        self.parked: dict[str, _Parked] = {}
        self.seated = 0  # requests that were given a slot

    def __getitem__(self, index: int) -> Slot:
        return self.all[index]

    def release(self, session: str) -> None:
        """Forgets a session. Its first prompt can still serve equal ones."""
        self.parked.pop(session, None)
        for slot in self.all:
            if slot.session == session:
                slot.session = ""

    def clear(self) -> None:
        """The weights have changed: what lies in the cache is of no use. Sequences are read anew, in chunks."""
        self.parked.clear()
        for slot in self.all:
            slot.ids, slot.plan, slot.first_prompt = slot.ids[:0], (), 0

    def restart(self, request: Request) -> None:
        """After `clear`: a request that was being generated goes on from all that it has."""
        self[request.slot].plan = (Stretch(len(request.ids) - 1, False),)

    def unfilled(self, requests: Iterable[Request]) -> list[Request]:
        """Those of which more than the last token has still to be read."""
        return [r for r in requests if len(self[r.slot].ids) < len(r.ids) - 1]

    def cached(self, prompt: np.ndarray) -> int:
        """How many tokens of a first prompt need not be read."""
        return max(self._shared(slot, slot.shareable, prompt) for slot in self.all)

    def place(self, request: Request, running: Sequence[Request]) -> bool:
        """Gives a request a slot, if there is one and nobody is about to compute what it could copy."""
        idle = [i for i, slot in enumerate(self.all) if not slot.busy]
        if not idle or self._shares_unfilled_prompt(request, running):
            return False
        self._seat(request, self._find(request, idle))
        return True

    def _shares_unfilled_prompt(self, request: Request, running: Sequence[Request]) -> bool:
        """True while another request computes a prefix that this one can copy: a group's prompt is prefilled once."""
        if self._holds(request.session):
            return False
        done = self.cached(request.prompt)
        return any(
            self._shared(self[r.slot], r.prompt[: self[r.slot].first_prompt], request.prompt) > done
            for r in self.unfilled(running)
        )

    def _holds(self, session: str) -> bool:
        return bool(session) and (session in self.parked or any(s.session == session for s in self.all))

    def _shared(self, slot: Slot, computed: np.ndarray, prompt: np.ndarray) -> int:
        """How many tokens of a slot's first prompt another may copy: those it would read in the same chunks."""
        if not self.size.shares_prompts:
            return 0
        needed = prompt[:-1]
        common, shared = _common_prefix(computed, needed), 0
        while shared < common:
            width = self.size.chunk(len(needed) - shared)
            end = min(shared + width, len(needed))
            if width != self.size.chunk(slot.first_prompt - shared) or end > common:
                break
            shared = end
        return shared

    def _find(self, request: Request, idle: Sequence[int]) -> int:
        """One of the idle slots: the session's own; or one that nobody misses, as the prompt goes on from what it has;
        or that which was used longest ago.
        """
        if request.session:
            for i in idle:
                if self.all[i].session == request.session:
                    return i

        def order(index: int) -> tuple[bool, int, int]:
            slot = self.all[index]
            shared = self._shared(slot, slot.shareable, request.prompt)
            outgrown = not slot.session and shared >= self._lasting(slot)
            return bool(slot.session), -shared if outgrown else 0, slot.last_used

        return min(idle, key=order)

    def _lasting(self, slot: Slot) -> int:
        """How many tokens of a slot's first prompt any longer one could share: those of whole chunks."""
        lasting, width, held = 0, self.size.prefill_tokens, len(slot.shareable)
        while lasting + width <= held and self.size.chunk(slot.first_prompt - lasting) == width:
            lasting += width
        return lasting

    def _seat(self, request: Request, index: int) -> None:
        slot, held = self[index], self._holds(request.session)
        known = slot.ids
        if not (held and slot.session == request.session):
            self._park(index)
            known = self._unpark(request, index) if held else self._share_first_prompt(request, index)
        needed = request.prompt[:-1]
        if (kept := _common_prefix(known, needed)) < len(known):
            slot.ids, slot.plan = slot.ids[:kept], _cut(slot.plan, kept)
            slot.first_prompt = min(slot.first_prompt, kept)
        if not slot.plan or slot.plan[-1].end < len(needed):
            slot.plan = (*slot.plan, Stretch(len(needed), False))
        self.seated += 1
        slot.session, slot.busy, slot.last_used = request.session, True, self.seated
        request.slot, request.cached = index, len(slot.ids)

    def _park(self, index: int) -> None:
        slot = self[index]
        if not slot.session:
            return
        row = jax.device_get(read_row(self.cache.reached_by(len(slot.ids)), index))
        self.parked[slot.session] = _Parked(slot.ids, slot.plan, slot.first_prompt, row)
        slot.session = ""
        with_rows = [name for name, parked in self.parked.items() if parked.row is not None]
        for name in with_rows[: max(0, len(with_rows) - self.size.parked)]:
            self.parked[name] = replace(self.parked[name], row=None)

    def _unpark(self, request: Request, index: int) -> np.ndarray:
        """Returns the tokens that its plan knows."""
        slot, parked = self[index], self.parked.pop(request.session)
        slot.ids = parked.ids[:0]
        if parked.row is not None:
            self.cache = write_row(self.cache, parked.row, index)
            slot.ids = parked.ids
        slot.plan, slot.first_prompt = parked.plan, parked.first_prompt
        return parked.ids

    def _share_first_prompt(self, request: Request, index: int) -> np.ndarray:
        lengths = [self._shared(slot, slot.shareable, request.prompt) for slot in self.all]
        donor = max(range(len(lengths)), key=lambda i: (lengths[i], i == index))
        if donor != index and lengths[donor]:
            self.cache = copy_row(self.cache, donor, index)
        slot = self[index]
        slot.ids, slot.first_prompt = request.prompt[: lengths[donor]], len(request.prompt) - 1
        slot.plan = (Stretch(slot.first_prompt, False),) if slot.first_prompt else ()
        return slot.ids


def _common_prefix(a: np.ndarray, b: np.ndarray) -> int:
    n = min(len(a), len(b))
    differs = np.flatnonzero(a[:n] != b[:n])
    return int(differs[0]) if len(differs) else n


def _cut(plan: tuple[Stretch, ...], end: int) -> tuple[Stretch, ...]:
    """The plan of the first `end` tokens."""
    starts = (0, *(stretch.end for stretch in plan))
    return tuple(
        Stretch(min(stretch.end, end), stretch.drawn)
        for start, stretch in zip(starts, plan, strict=False)
        if start < end
    )
