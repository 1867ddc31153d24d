"""How fast walks are sampled on a tool graph, against what one writes first on NetworkX.

The alternative asks NetworkX for the neighbours of each tool and their weights at every step, and draws with
`random.choices`. Both must visit edges equally often, within what chance does. What it does not show: how good chains
are, or the time for telling equal ones apart.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice, pairwise
from statistics import median
from time import perf_counter

import networkx as nx

from benchmarks.reporting import Figure, main
from data_synthesis.trajectories.graph.walks import walks

TOOLS, FOLLOWERS, WALKS, REPETITIONS = 200, 12, 100_000, 3
LEAST, MOST = 2, 5


def measure() -> list[Figure]:
    graph = made_up_graph()
    ours, theirs, gaps = [], [], []
    for seed in range(REPETITIONS):
        seconds, found = timed(lambda s=seed: sampled(graph, s))
        naive_seconds, expected = timed(lambda s=seed: naive(graph, s))
        ours.append(seconds)
        theirs.append(naive_seconds)
        again = naive(graph, seed + REPETITIONS)
        gaps.append(difference(found, expected) / difference(again, expected))
    seconds = median(ours)
    name = f"{WALKS} walks of {LEAST} to {MOST} on {TOOLS} tools"
    return [
        Figure(name, seconds, "s", bar="under 10 s", met=seconds < 10),
        Figure(
            "times as fast", median(theirs) / seconds, "x", against="NetworkX neighbours and random.choices"
        ),
        Figure(
            "difference of edges walked, to that of two samples of the alternative",
            median(gaps),
            "x",
            bar="under 1.1",
            met=median(gaps) < 1.1,
        ),
    ]


def made_up_graph() -> nx.DiGraph:
    rng = random.Random(0)
    graph = nx.DiGraph()
    names = [f"tool_{i:03}" for i in range(TOOLS)]
    for name in names:
        for other in rng.sample(names, FOLLOWERS):
            if other != name:
                graph.add_edge(name, other, weight=rng.uniform(0.5, 5))
    return graph


def sampled(graph: nx.DiGraph, seed: int) -> list[tuple[str, ...]]:
    return list(islice(walks(graph, random.Random(seed), least=LEAST, most=MOST, acyclic=True), WALKS))


def naive(graph: nx.DiGraph, seed: int) -> list[tuple[str, ...]]:
    rng = random.Random(seed)
    names = list(graph)
    leaving = [sum(data["weight"] for data in graph[name].values()) for name in names]
    found = []
    for _ in range(WALKS):
        length = rng.randint(LEAST, MOST)
        walk = rng.choices(names, leaving)
        while len(walk) < length:
            free = {t: data["weight"] for t, data in graph[walk[-1]].items() if t not in walk}
            if not free:
                break
            walk += rng.choices(list(free), list(free.values()))
        found.append(tuple(walk))
    return found


def difference(left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> float:
    """Half of the summed differences of the shares in which edges are walked: 0 for the same, 1 for none in common."""
    a, b = (Counter(pair for walk in found for pair in pairwise(walk)) for found in (left, right))
    return sum(abs(a[pair] / a.total() - b[pair] / b.total()) for pair in {*a, *b}) / 2


def timed(work):
    """Seconds that `work` takes, and its result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


if __name__ == "__main__":
    main("walks: sampling chains of tools", measure)
