"""Walks on a weighted directed graph: sampled by weight, or all of them where they are few."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

import networkx as nx

Walk = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A graph as arrays, in the order of the names: what is drawn depends on the seed alone.

    `follows[i]` are the indices that may follow i, `cumulative[i]` the sums of their weights so far.
    """

    names: Sequence[str]
    follows: Sequence[Sequence[int]]
    cumulative: Sequence[Sequence[float]]
    starts: Sequence[float]

    @classmethod
    def of(cls, graph: nx.DiGraph) -> Table:
        """A walk begins at a tool with the probability of its share of all weight that leaves a tool."""
        names = sorted(graph)
        index = {name: i for i, name in enumerate(names)}
        out = [sorted((index[t], data["weight"]) for t, data in graph[name].items()) for name in names]
        cumulative = [list(accumulate(weight for _, weight in each)) for each in out]
        starts = list(accumulate(each[-1] if each else 0.0 for each in cumulative))
        return cls(names, [[i for i, _ in each] for each in out], cumulative, starts)


def walks(graph: nx.DiGraph, rng: random.Random, *, least: int, most: int, acyclic: bool) -> Iterator[Walk]:
    """Walks without end, each of `least` to `most` tools, repetitions included; none where there is no edge.

    A length is drawn, then a start, then each next tool by the weight of its edge. A walk that comes to an end before
    its length is given if it is long enough, and dropped otherwise.
    """
    table = Table.of(graph)
    if not table.starts or not table.starts[-1]:
        return
    while True:
        walk = _walk(table, rng, rng.randint(least, most), acyclic)
        yield tuple(table.names[i] for i in walk) if len(walk) >= least else ()


def _walk(table: Table, rng: random.Random, length: int, acyclic: bool) -> list[int]:
    here = _drawn(table.starts, rng)
    walk = [here]
    while len(walk) < length:
        following = _next(table, here, rng, walk if acyclic else ())
        if following is None:
            break
        here = following
        walk.append(here)
    return walk


def _next(table: Table, here: int, rng: random.Random, taken: Sequence[int]) -> int | None:
    """By weight. Draws again where a tool is taken; after a few times looks at those that are left."""
    cumulative = table.cumulative[here]
    if not cumulative:
        return None
    for _ in range(4):
        drawn = table.follows[here][_drawn(cumulative, rng)]
        if drawn not in taken:
            return drawn
    weights = [after - before for before, after in zip([0.0, *cumulative], cumulative, strict=False)]
    left = [(i, w) for i, w in zip(table.follows[here], weights, strict=True) if i not in taken]
    return rng.choices([i for i, _ in left], [w for _, w in left])[0] if left else None


def _drawn(cumulative: Sequence[float], rng: random.Random) -> int:
    return min(bisect_right(cumulative, rng.random() * cumulative[-1]), len(cumulative) - 1)


def count_walks(graph: nx.DiGraph, least: int, most: int) -> int:
    """How many walks there are, without listing them. Those that repeat a tool count too: it is a bound."""
    ending = dict.fromkeys(graph, 1)
    total = len(ending) if least <= 1 else 0
    for length in range(2, most + 1):
        ending = {node: sum(ending[before] for before in graph.predecessors(node)) for node in graph}
        total += sum(ending.values()) if length >= least else 0
    return total


def all_walks(graph: nx.DiGraph, least: int, most: int, acyclic: bool) -> Iterator[Walk]:
    """Every walk, shorter ones first, in the order of the names. Exponentially many: ask `count_walks` before."""
    level: list[Walk] = [(name,) for name in sorted(graph)]
    for length in range(1, most + 1):
        if length >= least:
            yield from level
        level = [
            (*walk, following)
            for walk in level
            for following in sorted(graph[walk[-1]])
            if not acyclic or following not in walk
        ]


def distinct_walks(
    graph: nx.DiGraph,
    rng: random.Random,
    *,
    count: int,
    tries: int,
    enumerated: int,
    least: int,
    most: int,
    acyclic: bool,
) -> list[Walk]:
    """At most `count` walks, no two over the same edges: all where there are few, else sampled, in at most `tries`
    times as many draws.
    """
    found: dict[frozenset, Walk] = {}
    if count_walks(graph, least, most) <= enumerated:
        candidates: Iterator[Walk] = all_walks(graph, least, most, acyclic)
    else:
        candidates = islice(walks(graph, rng, least=least, most=most, acyclic=acyclic), count * tries)
    for walk in candidates:
        if walk and len(found) < count:
            found.setdefault(_edges(walk), walk)
    return list(found.values())


def _edges(walk: Walk) -> frozenset:
    """Of a walk; a single tool is one by itself."""
    return frozenset(pairwise(walk)) or frozenset(walk)
