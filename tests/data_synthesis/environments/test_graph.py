import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_synthesis.environments import graph
from data_synthesis.environments.replies import SubQuestionReply


@st.composite
def dags(draw) -> dict[int, list[int]]:
    """Parents by node, nodes numbered so that parents come first."""
    size = draw(st.integers(1, 7))
    return {
        n: sorted(draw(st.sets(st.sampled_from(range(1, n))))) if n > 1 else [] for n in range(1, size + 1)
    }


def well_formed(parents: dict[int, list[int]]) -> list[SubQuestionReply]:
    depth: dict[int, int] = {}
    for n, ids in parents.items():
        depth[n] = 1 + max((depth[p] for p in ids), default=0)
    levels = list(depth.values())
    return [
        SubQuestionReply(
            id=n,
            question="?",
            answer=n,
            depends_on=ids,
            hop_level=depth[n],
            is_parallel=levels.count(depth[n]) > 1,
        )
        for n, ids in parents.items()
    ]


@given(dags())
def test_a_node_lies_one_layer_below_its_deepest_parent(parents):
    depth = graph.layers(parents)
    assert all(depth[n] == 1 + max((depth[p] for p in ids), default=0) for n, ids in parents.items())


@given(dags())
def test_the_scenario_follows_from_depth_and_width(parents):
    depth = list(graph.layers(parents).values())
    chained, wide = max(depth) > 1, len(set(depth)) < len(depth)
    assert graph.scenario(parents) == f"{'parallel_' * wide}{'multi' if chained else 'single'}_hop"


@given(dags())
def test_a_well_formed_decomposition_has_no_problems(parents):
    assert graph.problems(well_formed(parents), graph.scenario(parents)) == []


def spoil_ids(nodes):
    nodes[-1].id += 1
    return "the ids are"


def spoil_level(nodes):
    nodes[-1].hop_level += 1
    return "has hop_level"


def spoil_parallel(nodes):
    nodes[-1].is_parallel = not nodes[-1].is_parallel
    return "has is_parallel"


def spoil_parent(nodes):
    nodes[0].depends_on = [99]
    return "no node has the id 99"


def spoil_with_a_circle(nodes):
    nodes[0].depends_on = [nodes[-1].id]
    nodes[-1].depends_on = [nodes[0].id]
    return "depend on each other in a circle"


def spoil_with_a_repeated_parent(nodes):
    assume(nodes[-1].depends_on)
    nodes[-1].depends_on *= 2
    return "names a parent twice"


def spoil_answer(nodes):
    nodes[-1].answer = " "
    return "has an empty answer"


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_ids,
        spoil_level,
        spoil_parallel,
        spoil_parent,
        spoil_with_a_circle,
        spoil_with_a_repeated_parent,
        spoil_answer,
    ],
)
@given(parents=dags())
def test_one_defect_is_named(spoil, parents):
    nodes, scenario = well_formed(parents), graph.scenario(parents)
    problem = spoil(nodes)
    assert problem in "; ".join(graph.problems(nodes, scenario))


@given(dags(), st.sampled_from(["single_hop", "parallel_single_hop", "multi_hop", "parallel_multi_hop"]))
def test_another_scenario_is_a_problem(parents, claimed):
    actual = graph.scenario(parents)
    found = graph.problems(well_formed(parents), claimed)
    assert found == (
        [] if claimed == actual else [f"the scenario is said to be {claimed}, but its shape is {actual}"]
    )
