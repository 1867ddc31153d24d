"""Distractors by how much their documents look like those of the tools that an arena needs.

The paper's irrelevant-tool mixing: similar strangers teach an agent to read documents, dissimilar ones to pass over the
rest. docs/synthesis/distractors.md says what the paper leaves open.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from data_synthesis.arenas.distractors import PoolTool, with_distractors
from data_synthesis.embedding.interface import Embedder
from data_synthesis.records import Arena, ToolSpec

BANDS = ("high", "medium", "low")

_AT_A_TIME = 64  # arenas: bounds memory, and fills requests to an embedder


@dataclass(frozen=True)
class BandSettings:
    """Which tools are in which band, and how many an arena gets.

    Args:
        high: the high band is above this normalised similarity (paper: 0.85).
        low: the low band is below this one, the medium band between, both ends included (paper: 0.4).
        per_band: most distractors from each band. The paper's K, which it does not give. Ours makes six at most: the
            paper's comparison with random tools has 5 to 9, and a released row has 5 beside 4 that it needs.

    Raises:
        ValueError: not 0 <= low <= high <= 1, or a negative number.
    """

    high: float = 0.85
    low: float = 0.4
    per_band: int = 2

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.high <= 1 and self.per_band >= 0):
            raise ValueError(
                f"these are no bands: low {self.low}, high {self.high}, per_band {self.per_band}"
            )


class Draw(NamedTuple):
    """What an arena got: itself, with how many tools each band offered, and how many were taken."""

    arena: Arena
    offered: dict[str, int]
    taken: dict[str, int]


def mix_in(
    arenas: Iterable[Arena],
    pool: Iterable[PoolTool],
    embedder: Embedder,
    settings: BandSettings | None = None,
    seed: int = 0,
) -> Iterator[Arena]:
    """Yields each arena with up to `per_band` tools of each band as further distractors, in order.

    An arena that gets some has a new id, the old one as its parent, and no proof; one that gets none stays as it is.

    Args:
        pool: of tools of one name the first is used. Tools that the arena has, or that are of its domain, are not.
        seed: with it, an arena and a pool decide which tools are taken.

    Raises:
        EmbeddingUnavailable: there are no vectors.
    """
    return (draw.arena for draw in draws(arenas, EmbeddedPool(pool, embedder), settings, seed))


def draws(
    arenas: Iterable[Arena], pool: EmbeddedPool, settings: BandSettings | None = None, seed: int = 0
) -> Iterator[Draw]:
    """As `mix_in`, with the counts."""
    settings, arenas = settings or BandSettings(), iter(arenas)
    while some := list(islice(arenas, _AT_A_TIME)):
        for arena, candidates in zip(some, pool.candidates(some, settings), strict=True):
            yield _draw(arena, pool, candidates, settings.per_band, seed)


def _draw(arena: Arena, pool: EmbeddedPool, candidates: dict[str, np.ndarray], most: int, seed: int) -> Draw:
    rng = random.Random(f"distractors {arena.id} {seed}")
    offered = {band: len(columns) for band, columns in candidates.items()}
    places = {band: rng.sample(range(count), min(most, count)) for band, count in offered.items()}
    taken = {band: len(drawn) for band, drawn in places.items()}
    tools = [pool.tools[column].tool for band in BANDS for column in candidates[band][places[band]]]
    if not tools:
        return Draw(arena, offered, taken)
    mixed = with_distractors(arena, tools)
    mixed.provenance = arena.provenance.model_copy(update={"parents": [arena.id]})
    return Draw(mixed, offered, taken)


class EmbeddedPool:
    """A pool whose tools are embedded, each name once.

    Raises:
        EmbeddingUnavailable: there are no vectors.
    """

    def __init__(self, tools: Iterable[PoolTool], embedder: Embedder):
        self.tools: list[PoolTool] = []
        self._columns: dict[str, int] = {}
        self._of_domain: dict[str, set[int]] = {}
        for each in tools:
            column = self._columns.setdefault(each.tool.name, len(self.tools))
            if column == len(self.tools):
                self.tools.append(each)
            # A later tool of the same name brings its domain: there, too, the one that is used is a namesake.
            self._of_domain.setdefault(_domain(each.domain), set()).add(column)
        self._embedder = embedder
        texts = [document_text(each.tool.spec) for each in self.tools]
        self._vectors = embedder.embed(texts)
        self._vector_of = dict(zip(texts, self._vectors, strict=True))

    def candidates(self, arenas: Sequence[Arena], settings: BandSettings) -> Iterator[dict[str, np.ndarray]]:
        """For each arena, the places in `tools` of the tools of each band, ascending."""
        if not self.tools:
            yield from ({band: np.zeros(0, int) for band in BANDS} for _ in arenas)
            return
        texts = [document_text(tool.spec) for arena in arenas for tool in arena.tools]
        similarity = self._embedded(texts) @ self._vectors.T
        end = 0
        for arena in arenas:
            start, end = end, end + len(arena.tools)
            own = np.array([self._columns.get(tool.name, -1) for tool in arena.tools])
            near = closeness(similarity[start:end], own)
            near[self._refused(arena)] = -np.inf
            yield banded(near, settings)

    def _embedded(self, texts: list[str]) -> np.ndarray:
        """The vectors of any texts; those of the pool are at hand."""
        others = list(dict.fromkeys(text for text in texts if text not in self._vector_of))
        fresh = dict(zip(others, self._embedder.embed(others), strict=True)) if others else {}
        return np.stack([self._vector_of[text] if text in self._vector_of else fresh[text] for text in texts])

    def _refused(self, arena: Arena) -> list[int]:
        """Columns of the tools of the arena's domain, and of those whose names it has."""
        names = (tool.name for tool in [*arena.tools, *arena.distractors])
        present = {self._columns[name] for name in names if name in self._columns}
        return sorted(present | self._of_domain.get(_domain(arena.domain), set()))


def document_text(spec: ToolSpec) -> str:
    """What is embedded of a tool: its OpenAI document as JSON, name, description and arguments in this order."""
    return json.dumps(spec.openai()["function"], ensure_ascii=False)


def closeness(similarity: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How near each tool of the pool comes to any tool of an arena.

    Each row is min-max normalised over the other tools of the pool, those of the arena's domain among them, and of the
    normalised values the largest counts: a tool that is in different bands for different tools is in the highest.

    Args:
        similarity: cosines [k, n] of the arena's tools and the pool's.
        own: [k], the column of the row's own tool, or -1 where the pool does not have it.

    Returns:
        [n], from 0 to 1; -inf where no row says anything: the rest of the row is empty, or all equal.
    """
    rows = np.flatnonzero(own >= 0)
    others = similarity.copy()
    others[rows, own[rows]] = np.inf
    lowest = others.min(axis=1, keepdims=True, initial=np.inf)
    others[rows, own[rows]] = -np.inf
    highest = others.max(axis=1, keepdims=True, initial=-np.inf)
    says = (highest > lowest)[:, 0]
    normalised = (others[says] - lowest[says]) / (highest - lowest)[says]
    return normalised.max(axis=0, initial=-np.inf)


def banded(near: np.ndarray, settings: BandSettings) -> dict[str, np.ndarray]:
    """The columns of each band, ascending; those with -inf are in none."""
    high, low = near > settings.high, (near < settings.low) & (near >= 0)
    medium = (near >= settings.low) & ~high
    return {"high": np.flatnonzero(high), "medium": np.flatnonzero(medium), "low": np.flatnonzero(low)}


def _domain(name: str) -> str:
    return name.strip().casefold()
