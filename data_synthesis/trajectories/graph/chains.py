"""A graph to chains: distinct walks on it."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

from data_synthesis.records import Provenance, ToolChain, ToolGraph
from data_synthesis.trajectories.graph.graph import as_networkx
from data_synthesis.trajectories.graph.settings import WalkSettings
from data_synthesis.trajectories.graph.walks import distinct_walks


def sample_chains(graph: ToolGraph, settings: WalkSettings) -> list[ToolChain]:
    """At most `settings.count` chains, no two over the same edges; the same for the same graph and seed."""
    digest = hashlib.sha256(f"{settings.seed} {graph.id}".encode()).digest()
    found = distinct_walks(
        as_networkx(graph),
        random.Random(digest),
        count=settings.count,
        tries=settings.tries,
        enumerated=settings.enumerated,
        least=settings.least_length,
        most=settings.most_length,
        acyclic=settings.acyclic,
    )
    feeds = {(edge.source, edge.target): edge.feeds for edge in graph.edges}
    provenance = Provenance(parents=[graph.id], seed=settings.seed)
    return [
        ToolChain(
            server_id=graph.server_id,
            tools=list(walk),
            feeds=[feed for pair in pairwise(walk) for feed in feeds[pair]],
            provenance=provenance,
        )
        for walk in found
    ]
