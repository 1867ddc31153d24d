"""Upstream's step-4 and step-5 records become arenas that are proved; each known defect of theirs has its outcome."""

from __future__ import annotations

import pytest
import upstream_cases as cases
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data_synthesis.arenas import prove
from data_synthesis.interop.trace import nearest
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena


def read(record: cases.Json) -> Arena:
    return arena_of(Instance.model_validate(record))


def refusal(record: cases.Json) -> Rejected:
    with pytest.raises(Rejected) as raised:
        read(record)
    return raised.value


def data(record: cases.Json, number: int) -> cases.Json:
    return record["env_result"][str(number)]["env_synthesis_result"]["data"]


def test_a_sound_record_of_step_4_is_proved(sandbox):
    arena = read(cases.step_4())
    assert prove(arena, sandbox).reasons == []
    assert [(gold.tool, gold.expected, gold.depends_on) for gold in arena.gold_calls] == [
        ("find_first_ferry", "Tern", []),
        ("fare", "38.5", []),
        ("arrival_pier", "Sund Pier", [1]),
        ("cabin_price", "166", [3]),
    ]
    assert arena.gold_calls[0].arguments == {"origin": "Norvik", "island": "Aldo", "day": "2031-05-03"}
    assert (arena.domain, arena.scenario) == ("travel", "parallel_multi_hop")
    assert arena.final_answer.startswith("Two nights")
    assert arena.provenance.teacher == "some-model"
    assert arena.provenance.parents == [cases.step_4()["uuid"]]
    assert arena.model_extra == {"language": "en"}


def test_a_merged_record_has_one_tool_and_no_stale_output(sandbox):
    """E13: `tool_call_ans` stays that of the code before."""
    arena = read(cases.step_5())
    assert [tool.source for tool in arena.tools] == [cases.ANY_FARE]
    assert [gold.tool for gold in arena.gold_calls] == ["fare", "fare"]
    assert prove(arena, sandbox).passed
    assert "before" not in arena.model_dump_json()


def test_merged_code_counts_where_the_members_still_have_their_own():
    record = cases.step_5()
    for number, old in ((1, cases.BIKE_FARE), (2, cases.CAR_FARE)):
        data(record, number).update(code=old, tool_call_statement="fare()")
    assert read(record) == read(cases.step_5())


@pytest.mark.parametrize("status", ["partial_success", "failed", "no_data", "error"])
def test_a_failed_merge_leaves_its_members_their_tools(status, sandbox):
    """E6: upstream crashes, or drops the record."""
    arena = read(cases.step_5(status))
    assert arena == read(cases.fares())
    assert prove(arena, sandbox).passed


def test_tools_of_one_name_are_told_apart(sandbox):
    """E7: in the released rows the second one replaces the first."""
    arena = read(cases.fares())
    assert [tool.name for tool in arena.tools] == ["fare", "fare_2"]
    assert "def fare_2(" in arena.tools[1].source
    assert (arena.provenance.model_extra or {})["renamed"] == {"fare_2": "fare"}
    assert prove(arena, sandbox).passed


def test_a_shared_name_over_broken_code_is_refused():
    record = cases.fares()
    data(record, 2)["code"] = "def fare(vehicle:\n    return (\n"
    assert refusal(record).reason == "source_does_not_load"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record["env_result"].update({"3": None}), "sub-question 3 needs a tool and has none"),
        (lambda record: record["env_result"].pop("2"), "sub-question 2 needs a tool and has none"),
        (
            lambda record: record.update(env_result=None),
            "sub-question 1 needs a tool and has none; sub-question 2",
        ),
        (lambda record: record["env_result"]["4"].update(env_synthesis_result=None), "sub-question 4 needs"),
        (lambda record: data(record, 1).update(code=None), "sub-question 1 has a tool without its code"),
        (lambda record: data(record, 1).update(tool_call_statement=None), "without its tool_call_statement"),
        (
            lambda record: data(record, 1).update(tool_document=None, code=""),
            "without its tool_document and code",
        ),
    ],
)
def test_a_null_environment_of_a_sub_question_that_needs_a_tool_is_refused(change, said):
    """E11: upstream writes and merges such records."""
    record = cases.step_4()
    change(record)
    assert refusal(record).reason == "missing_environment"
    assert said in refusal(record).detail


def test_a_sub_question_that_is_not_judged_needs_a_tool():
    record = cases.step_4()
    del record["decomposition_trace"][4]["tool_necessity"]
    assert refusal(record).detail == "sub-question 5 needs a tool and has none"
    for node in record["decomposition_trace"]:
        node["tool_necessity"] = False
    assert refusal(record).reason == "no_tool_needed"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("arrival_pier(ferry='Te' + 'rn')", "sub-question 3: the value of `ferry` is `'Te' + 'rn'`"),
        ("arrival_pier(ferry=find_first_ferry())", "no JSON literal"),
        ("__import__('os').system('true')", "no plain name"),
        ("arrival_pier('Tern', 'Aldo')", "2 arguments by place, and 1 parameters"),
        ("find_pier(ferry='Tern')", "the call is of `find_pier`, the tool is `arrival_pier`"),
    ],
)
def test_a_call_that_has_to_be_evaluated_is_refused(statement, said):
    """E18: upstream runs whatever the statement says."""
    record = cases.step_4()
    data(record, 3)["tool_call_statement"] = statement
    assert refusal(record).reason == "bad_call"
    assert said in refusal(record).detail


def test_places_come_from_the_document_where_the_code_cannot_say():
    record = cases.step_4()
    data(record, 3).update(code="arrival_pier = str.upper\n", tool_call_statement="arrival_pier('Tern')")
    assert read(record).gold_calls[2].arguments == {"ferry": "Tern"}


@pytest.mark.parametrize("answer", [166, 166.0, ["166"], {"total": 166}])
def test_an_answer_that_is_no_text_is_taken_as_it_is(answer, sandbox):
    """E5: upstream's check ends the program."""
    record = cases.step_4()
    record["env_result"]["4"]["answer"] = record["decomposition_trace"][3]["sub_answer"] = answer
    assert read(record).gold_calls[3].expected == answer
    assert prove(read(record), sandbox).passed


@pytest.mark.parametrize("answer", ["", None, "--", []])
def test_an_answer_that_says_nothing_fails_the_proof(answer, sandbox):
    """E5: upstream's check always passes."""
    record = cases.step_4()
    record["env_result"]["4"]["answer"] = record["decomposition_trace"][3]["sub_answer"] = answer
    assert "empty_answer" in prove(read(record), sandbox).reasons


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def arrival_pier(ferry):\n    return 'Sund Pier'\n", "answer_in_code_default"),
        (
            "def arrival_pier(ferry):\n    if ferry:\n        return 'Tern: Sund Pier; Gannet: North Quay'\n",
            "constant_output",
        ),
        (
            "PIERS = {'Tern': 'Sund Pier', 'Gannet': 'North Quay', 'Puffin': 'Old Slip', 'Auk': 'East Mole'}\n\n"
            "def arrival_pier(ferry):\n    return PIERS\n",
            "dumps_table",
        ),
        ("def arrival_pier(ferry):\n    print({'Tern': 'Sund Pier'}[ferry])\n", "gold_answer_missing"),
        (
            "import random\n\ndef arrival_pier(ferry):\n"
            "    return {'Tern': 'Sund Pier', 'Gannet': 'Old Slip'}[ferry] + str(random.random())\n",
            "clock_or_random",
        ),
    ],
)
def test_what_upstream_lets_pass_fails_the_proof(code, reason, sandbox):
    """E5, E7: constants, dumps, random ids; and what is printed is not returned."""
    record = cases.step_4()
    data(record, 3)["code"] = code
    assert reason in prove(read(record), sandbox).reasons


@pytest.mark.parametrize("absent", [None, []])
def test_no_dependency_is_null_or_empty(absent):
    """E9: upstream judges an empty list as if it had parents."""
    record = cases.step_4()
    record["decomposition_trace"][0]["dependency"] = absent
    assert read(record) == read(cases.step_4())


@pytest.mark.parametrize(
    ("dependency", "said"),
    [
        ([9], "no node has the id 9"),
        ([0], "no node has the id 0"),
        ([-1], "no node has the id -1"),
        ([4], "in a circle"),
        ([3], "in a circle"),
    ],
)
def test_a_dependency_on_nothing_or_on_itself_is_refused(dependency, said):
    """E9: upstream resolves 0 to the last sub-question, and scores others -100."""
    record = cases.step_4()
    record["decomposition_trace"][2]["dependency"] = dependency
    assert refusal(record).reason == "bad_structure"
    assert said in refusal(record).detail


def test_ids_are_unique_and_environments_belong_to_sub_questions():
    record = cases.step_4()
    record["decomposition_trace"][1]["_uuid"] = 1
    assert refusal(record).detail == "two sub-questions have the same `_uuid`"
    record = cases.step_4()
    record["env_result"]["8"] = record["env_result"]["1"]
    assert "sub-questions [8], which do not exist" in refusal(record).detail


def test_two_merges_of_one_sub_question_are_refused():
    """E13: upstream does not check its clusters."""
    record = cases.step_5()
    record["aggregated_env"] *= 2
    assert refusal(record).reason == "bad_clusters"


def test_a_dependency_through_a_sub_question_without_a_tool_becomes_a_direct_one():
    record = cases.step_4()
    record["decomposition_trace"][2]["tool_necessity"] = False
    record["env_result"]["3"] = None
    assert [(gold.id, gold.depends_on) for gold in read(record).gold_calls] == [(1, []), (2, []), (4, [1])]


@given(st.data())
def test_nearest_keeps_who_waits_for_whom(drawn):
    size = drawn.draw(st.integers(1, 7))
    parents = {
        i: drawn.draw(st.lists(st.integers(1, i - 1), unique=True)) if i > 1 else []
        for i in range(1, size + 1)
    }
    kept = drawn.draw(st.sets(st.integers(1, size)))

    def ancestors(graph, node):
        return {node}.union(*(ancestors(graph, up) for up in graph[node]))

    found = nearest(parents, kept)
    assert set(found) == kept
    for node in kept:
        assert ancestors(found, node) == ancestors(parents, node) & kept


def test_a_corpus_stands_before_the_question():
    corpus = "A traveller plans a trip."
    for given_, text in (
        (corpus, corpus),
        ({"description": "Ferries"}, '{"description": "Ferries"}'),
        ("", None),
    ):
        record = cases.step_4()
        record["_metadata"]["knowledge_corpus"] = given_
        expected = "\n\n".join(filter(None, [text, record["main_question"]]))
        assert read(record).question == expected


def test_the_scenario_is_the_claimed_one_or_else_that_of_the_shape():
    for claimed, scenario in (
        ("Multi-Hop", "multi_hop"),
        ("single-hop", "single_hop"),
        (None, "parallel_multi_hop"),
    ):
        assert read(cases.step_4() | {"scenario_type": claimed}).scenario == scenario
    assert "'Three-Hop'" in refusal(cases.step_4() | {"scenario_type": "Three-Hop"}).detail


def test_unknown_fields_are_kept_and_change_nothing_else():
    record = cases.step_4() | {"license": "MIT", "id": "theirs", "gold_calls": 3}
    record["_metadata"]["source"] = "ferries.jsonl"
    record["decomposition_trace"][0] |= {"difficulty": 2, "arguments_known": False, "tool": "other"}
    arena = read(record)
    assert arena.model_extra == {"license": "MIT", "source": "ferries.jsonl", "language": "en"}
    assert arena.gold_calls[0].model_extra == {"difficulty": 2}
    assert arena.id == arena.content_id()
    assert arena.gold_calls[0].tool == "find_first_ferry"


def test_a_record_without_metadata_says_that_its_domain_is_unknown():
    for absent in (lambda record: record.pop("_metadata"), lambda record: record.update(_metadata=None)):
        record = cases.step_4()
        absent(record)
        assert (read(record).domain, read(record).model_extra) == ("unknown", {})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda record: record.pop("main_question"), "main_question"),
        (lambda record: record.update(main_question=["?"]), "main_question"),
        (lambda record: record.pop("final_answer"), "final_answer"),
        (lambda record: record.update(decomposition_trace=[]), "decomposition_trace"),
        (lambda record: record["decomposition_trace"][1].pop("_uuid"), "decomposition_trace.1._uuid"),
        (lambda record: record["decomposition_trace"][1].update(_uuid=0), "decomposition_trace.1._uuid"),
        (
            lambda record: record["decomposition_trace"][1].update(dependency=1),
            "decomposition_trace.1.dependency",
        ),
        (
            lambda record: record["decomposition_trace"][1].pop("sub_answer"),
            "decomposition_trace.1.sub_answer",
        ),
        (lambda record: record.update(env_result=[]), "env_result"),
        (lambda record: record["env_result"].update(one=None), "env_result.one.[key]"),
        (lambda record: data(record, 1).update(code=7), "env_result.1.env_synthesis_result.data.code"),
        (
            lambda record: data(record, 1).update(tool_document={"name": ""}),
            "env_result.1.env_synthesis_result.data.tool_document.name",
        ),
    ],
)
def test_a_malformed_field_is_named(change, field):
    record = cases.step_4()
    change(record)
    with pytest.raises(ValidationError) as raised:
        read(record)
    assert ".".join(map(str, raised.value.errors()[0]["loc"])) == field
