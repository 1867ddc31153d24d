import random
from collections import Counter
from itertools import islice, pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.records import GraphEdge, ToolGraph
from data_synthesis.trajectories.graph import WalkSettings, sample_chains
from data_synthesis.trajectories.graph.walks import all_walks, count_walks, walks

NODES = "abcdef"
GRAPHS = st.dictionaries(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), st.floats(0.1, 9), max_size=14
)
BOUNDS = st.tuples(st.integers(1, 3), st.integers(0, 2)).map(lambda b: (b[0], b[0] + b[1]))


def graph_of(edges) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(NODES)
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in edges.items())
    return graph


@given(edges=GRAPHS, bounds=BOUNDS, acyclic=st.booleans(), seed=st.integers())
@settings(max_examples=100, deadline=None)
def test_a_walk_uses_edges_only_and_keeps_its_bounds(edges, bounds, acyclic, seed):
    least, most = bounds
    found = walks(graph_of(edges), random.Random(seed), least=least, most=most, acyclic=acyclic)
    for walk in filter(None, islice(found, 20)):
        assert least <= len(walk) <= most
        assert all(pair in edges for pair in pairwise(walk))
        assert not acyclic or len(set(walk)) == len(walk)


@given(edges=GRAPHS, bounds=BOUNDS)
@settings(max_examples=60, deadline=None)
def test_walks_are_counted_as_they_are_listed(edges, bounds):
    graph = graph_of(edges)
    listed = list(all_walks(graph, *bounds, acyclic=False))
    assert count_walks(graph, *bounds) == len(listed) == len(set(listed))


def test_counting_a_complete_graph_lists_nothing():
    graph = nx.complete_graph(200, nx.DiGraph())
    assert count_walks(graph, 2, 5) == sum(200 * 199 ** (n - 1) for n in range(2, 6))


def test_heavier_edges_are_walked_more_often_in_proportion():
    graph = graph_of({("a", "b"): 9.0, ("a", "c"): 1.0})
    found = islice(walks(graph, random.Random(0), least=2, most=2, acyclic=True), 20000)
    counts = Counter(found)
    assert counts["a", "b"] / counts["a", "c"] == pytest.approx(9, rel=0.1)


def record(edges) -> ToolGraph:
    made = [GraphEdge(source=a, target=b, weight=w) for (a, b), w in edges.items()]
    return ToolGraph(server_id="s", nodes=list(NODES), edges=made)


@given(edges=GRAPHS, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_chains_are_those_of_their_seed_and_no_two_walk_the_same_edges(edges, seed):
    asked = WalkSettings(count=8, enumerated=5, seed=seed)
    chains = sample_chains(record(edges), asked)
    backwards = record(dict(reversed(edges.items())))
    assert [c.tools for c in chains] == [c.tools for c in sample_chains(record(edges), asked)]
    walked = [frozenset(pairwise(chain.tools)) for chain in chains]
    assert len(set(walked)) == len(walked) <= 8
    assert as_sets(sample_chains(backwards, WalkSettings(count=10**4, enumerated=10**6))) == as_sets(
        sample_chains(record(edges), WalkSettings(count=10**4, enumerated=10**6))
    )


def as_sets(chains):
    return {frozenset(pairwise(chain.tools)) for chain in chains}


def test_few_walks_are_all_taken():
    line = {("a", "b"): 1.0, ("b", "c"): 0.001}
    assert [c.tools for c in sample_chains(record(line), WalkSettings())] == [
        ["a", "b"],
        ["b", "c"],
        ["a", "b", "c"],
    ]


def test_a_graph_without_edges_has_no_chain():
    assert sample_chains(record({}), WalkSettings(enumerated=0)) == []


@pytest.mark.parametrize("bad", [{"least_length": 0}, {"least_length": 6}, {"count": 0}, {"tries": 0}])
def test_walks_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match=r"must be|cannot have"):
        WalkSettings(**bad)


def test_many_walks_are_sampled_and_never_listed():
    names = [f"t{i}" for i in range(200)]
    edges = [GraphEdge(source=a, target=b, weight=1.0) for a in names for b in names if a != b]
    graph = ToolGraph(server_id="s", nodes=names, edges=edges)
    # Listed, the shortest walks would come first, and in the order of their names.
    chains = sample_chains(graph, WalkSettings(count=40))
    assert len(chains) == 40
    assert {len(chain.tools) for chain in chains} == {2, 3, 4, 5}
    assert len({chain.tools[0] for chain in chains}) > 20
