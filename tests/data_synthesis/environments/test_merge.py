import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.environments.merge import coverage_problem, merge
from data_synthesis.environments.replies import IntentClustersReply
from data_synthesis.records import Arena

NAMES = ("arrel", "besk", "cant")
HEIGHTS = {"arrel": 2871, "besk": 3412, "cant": 1999}


def parameters(*extra: str) -> dict:
    names = ("mountain", *extra)
    return {"type": "object", "properties": {n: {"type": "string"} for n in names}, "required": ["mountain"]}


def source(name: str, *known: str, more: str = "") -> str:
    table = {each: HEIGHTS[each] for each in known}
    return f"TABLE = {table}\n\ndef {name}(mountain{more}):\n    return {{'height': TABLE[mountain]}}\n"


def arena_of(*owners: str) -> Arena:
    """One gold call for each name in `owners`: the tool that answers it."""
    known = {owner: [NAMES[i] for i, other in enumerate(owners) if other == owner] for owner in owners}
    return Arena.model_validate(
        {
            "question": "How tall are they?",
            "tools": [
                {
                    "spec": {"name": owner, "description": "Heights.", "parameters": parameters()},
                    "source": source(owner, *known[owner]),
                }
                for owner in known
            ],
            "gold_calls": [
                {
                    "id": i + 1,
                    "tool": owner,
                    "arguments": {"mountain": NAMES[i]},
                    "expected": HEIGHTS[NAMES[i]],
                    "question": f"How tall is {NAMES[i]}?",
                }
                for i, owner in enumerate(owners)
            ],
            "provenance": {"parents": ["a decomposition"]},
        }
    )


def clusters(*groups: list[int]) -> dict:
    return {"clusters": [{"intent": "height", "ids": ids} for ids in groups]}


def merged(mountain: str, name: str, *known: str, **more) -> dict:
    return {"source": source(name, *known), "arguments": {"mountain": mountain}, **more}


def run(arena, teacher, sandbox):
    return asyncio.run(merge(arena, teacher, sandbox, attempts=2, call_seconds=2.0))


ALL_IN = {
    "intent_clusters": [clusters([1, 2, 3])],
    "merge_tool:2": [merged("besk", "one", "arrel", "besk")],
    "merge_tool:3": [merged("cant", "one", "arrel", "besk", "cant")],
}


def test_a_cluster_becomes_one_tool_with_all_its_calls(list_teacher, sandbox):
    result = run(arena_of("one", "two", "three"), list_teacher(ALL_IN), sandbox)
    assert [tool.name for tool in result.tools] == ["one"]
    assert [(call.tool, call.arguments["mountain"]) for call in result.gold_calls] == [
        ("one", n) for n in NAMES
    ]
    assert result.provenance.parents == ["a decomposition"]
    assert result.id == result.content_id() != arena_of("one", "two", "three").id


def test_every_insertion_replays_all_earlier_cases(list_teacher, sandbox):
    forgetful = merged("cant", "one", "besk", "cant")
    teacher = list_teacher({**ALL_IN, "merge_tool:3": [forgetful, *ALL_IN["merge_tool:3"]]})
    assert [tool.name for tool in run(arena_of("one", "two", "three"), teacher, sandbox).tools] == ["one"]
    assert "for sub-question 1, the call" in teacher.asked[-1].feedback[0]


def test_what_cannot_be_merged_keeps_its_tool_and_says_why(list_teacher, sandbox):
    forgetful = merged("cant", "one", "cant")
    teacher = list_teacher({**ALL_IN, "merge_tool:3": [forgetful, forgetful]})
    result = run(arena_of("one", "two", "three"), teacher, sandbox)
    assert [call.tool for call in result.gold_calls] == ["one", "one", "three"]
    assert [tool.name for tool in result.tools] == ["one", "three"]
    assert "arrel" in result.tools[0].source
    assert result.provenance.model_extra["unmerged"][0].startswith("sub-question 3: no_merge")


@pytest.mark.parametrize("replies", [{}, {"intent_clusters": [clusters([1, 2])] * 2}])
def test_without_usable_clusters_the_arena_stays_as_it_was(list_teacher, sandbox, replies):
    before = arena_of("one", "two", "three")
    after = run(before, list_teacher(replies), sandbox)
    assert after.id == before.id
    assert after.provenance.model_extra["unmerged"][0].startswith("all: ")


def test_a_call_outside_the_cluster_that_shares_the_tool_is_replayed_too(list_teacher, sandbox):
    replies = {
        "intent_clusters": [clusters([1, 2], [3])],
        "merge_tool:2": [merged("besk", "one", "arrel", "besk"), merged("besk", "one", *NAMES)],
    }
    result = run(arena_of("one", "two", "one"), list_teacher(replies), sandbox)
    assert [tool.name for tool in result.tools] == ["one"]
    assert "cant" in result.tools[0].source


def test_a_document_may_widen_but_not_lose_a_parameter(list_teacher, sandbox):
    def with_tool(**document) -> dict:
        tool = {"name": "one", "description": "All heights.", "parameters": parameters("unit"), **document}
        return {
            **merged("besk", "one", "arrel", "besk"),
            "source": source("one", "arrel", "besk", more=", unit='m'"),
            "tool": tool,
        }

    def result_of(*replies: dict) -> Arena:
        answers = {"intent_clusters": [clusters([1, 2])], "merge_tool:2": list(replies)}
        return run(arena_of("one", "two"), list_teacher(answers), sandbox)

    assert result_of(with_tool()).tools[0].spec.description == "All heights."
    lost = with_tool(parameters={**parameters(), "properties": {"peak": {"type": "string"}}, "required": []})
    for refused in (with_tool(name="two"), with_tool(parameters={}), lost):
        assert [tool.name for tool in result_of(refused, refused).tools] == ["one", "two"]


def test_one_tool_needs_no_teacher(list_teacher, sandbox):
    arena, teacher = arena_of("one", "one"), list_teacher({})
    assert run(arena, teacher, sandbox) is arena
    assert teacher.asked == []


@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), max_size=4), st.integers(1, 6))
def test_clusters_must_be_a_partition(groups, count):
    reply = IntentClustersReply.model_validate(clusters(*groups))
    flat = sorted(i for ids in groups for i in ids)
    assert (coverage_problem(reply, list(range(1, count + 1))) == "") == (flat == list(range(1, count + 1)))
