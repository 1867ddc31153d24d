"""The tool graph of a server: from proposals and evidence to weighted edges, and between record and NetworkX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import networkx as nx

from data_synthesis.records import ChainProposal, Feed, GraphEdge, ToolGraph, ToolServer
from data_synthesis.trajectories.graph.evidence import Feeds
from data_synthesis.trajectories.graph.settings import GraphSettings

Pair = tuple[str, str]


def tool_graph(
    server: ToolServer, proposals: Iterable[ChainProposal], feeds: Feeds, settings: GraphSettings
) -> ToolGraph:
    """The edges are neighbours of a proposal and, where the settings say so, pairs with evidence.

    A proposal must name the server's tools only: a name that is none is no bridge between its neighbours.
    """
    proposals = list(proposals)
    votes: dict[Pair, Counter[str]] = {}
    for proposal in proposals:
        for pair in pairwise(proposal.tools):
            votes.setdefault(pair, Counter())[proposal.by] += 1
    pairs = {*votes, *(feeds if settings.evidence_adds_edges else ())}
    edges = [_edge(pair, votes.get(pair, Counter()), feeds.get(pair, []), settings) for pair in sorted(pairs)]
    return ToolGraph(
        server_id=server.id, nodes=[tool.name for tool in server.tools], edges=edges, proposals=proposals
    )


def _edge(pair: Pair, votes: Counter[str], feeds: list[Feed], settings: GraphSettings) -> GraphEdge:
    evidence = max((feed.score for feed in feeds), default=0.0)
    weight = settings.proposal_weight * votes.total() + settings.evidence_weight * evidence
    return GraphEdge(
        source=pair[0], target=pair[1], weight=weight, proposed_by=dict(sorted(votes.items())), feeds=feeds
    )


def as_networkx(graph: ToolGraph) -> nx.DiGraph:
    """With `weight` on each edge."""
    made = nx.DiGraph()
    made.add_nodes_from(graph.nodes)
    made.add_weighted_edges_from((edge.source, edge.target, edge.weight) for edge in graph.edges)
    return made
