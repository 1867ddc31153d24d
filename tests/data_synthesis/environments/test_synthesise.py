import asyncio

import pytest

from data_synthesis.environments.node import Budget
from data_synthesis.environments.synthesise import synthesise
from data_synthesis.pipeline import Rejected

PARAMETERS = {
    "type": "object",
    "properties": {"mountain": {"type": "string"}, "unit": {"type": "string", "enum": ["m", "ft"]}},
    "required": ["mountain"],
}
DOCUMENT = {"tool": {"name": "height", "description": "Height of a mountain.", "parameters": PARAMETERS}}
CODE = """
HEIGHTS = {heights!r}

def {name}(mountain, unit="m"):
    if mountain not in HEIGHTS:
        raise ValueError(f"unknown mountain: {{mountain}}")
    return {{"height": HEIGHTS[mountain] * (1 if unit == "m" else 3.28084)}}
"""


def call(mountain: str, **more) -> dict:
    return {"name": "height", "arguments": {"mountain": mountain, **more}}


def code(name: str = "height", **heights: int) -> dict:
    return {"source": CODE.format(name=name, heights=heights)}


BOTH = code(Arrel=2871, Besk=3412)
GOOD = {
    "tool_document": [DOCUMENT],
    "tool_scaling": [DOCUMENT],
    "tool_call:1": [call("Arrel")],
    "tool_call:2": [call("Besk")],
    "tool_code": [BOTH],
}


@pytest.fixture
def judged(whole):
    subs = [sub.model_copy(update={"tool_necessity": sub.id < 3}) for sub in whole.sub_questions]
    return whole.model_copy(update={"sub_questions": subs})


def run(judged, teacher, sandbox, **budget):
    return asyncio.run(synthesise(judged, teacher, sandbox, budget=Budget(**budget)))


def test_an_arena_has_a_call_for_each_sub_question_that_needs_a_tool(judged, list_teacher, sandbox):
    arena = run(judged, list_teacher(GOOD), sandbox)
    assert [(c.id, c.arguments, c.expected) for c in arena.gold_calls] == [
        (1, {"mountain": "Arrel"}, 2871),
        (2, {"mountain": "Besk"}, 3412),
    ]
    assert arena.scenario == "parallel_single_hop"  # of the calls; the closing comparison is not one
    assert arena.final_answer == "Mount Besk"
    assert arena.provenance.parents == [judged.id]
    assert [tool.name for tool in arena.tools] == ["height"]  # both designs are the same tool


def test_what_went_wrong_in_the_sandbox_goes_back_to_the_teacher(judged, list_teacher, sandbox):
    bad = [
        {"source": "def height(mountain) return 1"},
        {"source": "def height(mountain):\n    return {}['peak']"},
        code(Arrel=2870),
        code(Arrel=2871),
    ]
    teacher = list_teacher({**GOOD, "tool_code:1": bad})
    run(judged, teacher, sandbox, codes=4)
    last = [prompt for prompt in teacher.asked if prompt.name == "tool_code"][-1]
    assert last.attempt == 3
    syntax, key, diff = last.feedback
    assert "SourceError" in syntax
    assert key.endswith("ToolRaised: KeyError: 'peak'; line 2: `return {}['peak']`")
    shown = 'the call {"mountain": "Arrel"} returned {"height": 2870}, which does not contain 2871'
    assert diff == f'{shown}; the nearest to it is "2870"'


def test_a_breach_is_told_and_kills_no_other_node(judged, list_teacher, sandbox):
    endless = {"source": "def height(mountain):\n    while True:\n        pass"}
    teacher = list_teacher({**GOOD, "tool_code:1": [endless, BOTH]})
    arena = run(judged, teacher, sandbox, call_seconds=0.2)
    assert len(arena.gold_calls) == 2
    assert any("DeadlineExceeded" in reason for prompt in teacher.asked for reason in prompt.feedback)


def test_answers_are_bounded_by_the_budget(judged, list_teacher, sandbox):
    teacher = list_teacher({**GOOD, "tool_code:1": [code(Arrel=1)] * 9})
    with pytest.raises(
        Rejected, match=r"no_working_code: tool_code, after 3 answers: .*does not contain 2871"
    ):
        run(judged, teacher, sandbox, codes=3, rounds=1)
    assert sum(p.name == "tool_code" and p.variables["node"] == 1 for p in teacher.asked) == 3


def test_when_no_code_answers_a_call_another_call_is_asked_for(judged, list_teacher, sandbox):
    calls, codes = [call("Mount Arrel"), call("Arrel")], [code(Arrel=1), code(Arrel=2), BOTH]
    teacher = list_teacher({**GOOD, "tool_call:1": calls, "tool_code:1": codes})
    arena = run(judged, teacher, sandbox, codes=2)
    assert arena.gold_calls[0].arguments == {"mountain": "Arrel"}
    asked = [
        p for p in teacher.asked if p.variables.get("node") == 1 and p.name in ("tool_call", "tool_code")
    ]
    assert [(p.name, p.attempt) for p in asked] == [
        ("tool_call", 0), ("tool_code", 0), ("tool_code", 1), ("tool_call", 1), ("tool_code", 2)
    ]  # fmt: skip
    assert asked[3].feedback[0].startswith("no code was found that answers it: tool_code, after 2 answers")


def test_a_node_has_a_budget_for_all_its_questions_together(judged, list_teacher, sandbox):
    teacher = list_teacher({**GOOD, "tool_call:1": [call("Arrel")] * 9, "tool_code:1": [code(Arrel=1)] * 9})
    with pytest.raises(Rejected, match="the 7 answers for sub-question 1 are used up"):
        run(judged, teacher, sandbox, answers=7, codes=2, rounds=9)
    assert sum(p.variables.get("node") == 1 for p in teacher.asked) == 7


def richer(**changes) -> dict:
    parameters = {**PARAMETERS, "properties": {**PARAMETERS["properties"], "datum": {"type": "string"}}}
    return {
        "tool": {**DOCUMENT["tool"], "description": "Height in full.", "parameters": parameters} | changes
    }


def test_a_document_is_made_richer_before_it_is_used(judged, list_teacher, sandbox):
    teacher = list_teacher({**GOOD, "tool_scaling": [richer()]})
    datum = {"source": BOTH["source"].replace('unit="m"', 'unit="m", datum=""')}
    arena = run(judged, list_teacher({**teacher.replies, "tool_code": [datum]}), sandbox)
    assert arena.tools[0].spec.description == "Height in full."
    assert "datum" in arena.tools[0].spec.parameters["properties"]


@pytest.mark.parametrize(
    ("narrower", "problem"),
    [
        (richer(name="altitude"), "the tool is called height, not altitude"),
        (richer(parameters={"type": "object", "properties": {}}), "the parameter mountain is gone"),
        (
            richer(parameters={**PARAMETERS, "required": ["mountain", "unit"]}),
            "the parameter unit is required now",
        ),
    ],
)
def test_a_richer_document_that_takes_away_is_refused_and_the_plain_one_kept(
    judged, list_teacher, sandbox, narrower, problem
):
    teacher = list_teacher({**GOOD, "tool_scaling": [narrower, narrower]})
    arena = run(judged, teacher, sandbox)
    assert arena.tools[0].spec.description == "Height of a mountain."
    assert any(problem in reason for prompt in teacher.asked for reason in prompt.feedback)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"name": "heights", "arguments": {"mountain": "Arrel"}}, "the call is of heights"),
        (call("Arrel", peak=True), "`peak` is not a parameter"),
        (call("Arrel", unit="km"), "`unit` must be one of"),
        ({"name": "height", "arguments": {}}, "`mountain` is required and missing"),
    ],
)
def test_a_call_must_fit_its_document(judged, list_teacher, sandbox, wrong, problem):
    teacher = list_teacher({**GOOD, "tool_call:1": [wrong, call("Arrel")]})
    assert run(judged, teacher, sandbox).gold_calls[0].arguments == {"mountain": "Arrel"}
    assert any(problem in reason for prompt in teacher.asked for reason in prompt.feedback)
    with pytest.raises(Rejected, match="no_tool_call"):
        run(judged, list_teacher({**GOOD, "tool_call:1": [wrong, wrong]}), sandbox)


def test_a_call_is_never_read_as_code(judged, list_teacher, sandbox):
    hostile = call("Arrel') or __import__('os').system('true")
    with pytest.raises(Rejected, match="unknown mountain: Arrel'"):
        run(judged, list_teacher({**GOOD, "tool_call:1": [hostile]}), sandbox, codes=1, rounds=1)


def test_two_tools_of_one_name_get_two_names(judged, list_teacher, sandbox):
    apart = {**GOOD, "tool_code:1": [code(Arrel=2871)], "tool_code:2": [code(Besk=3412)]}
    arena = run(judged, list_teacher(apart), sandbox)
    assert [tool.name for tool in arena.tools] == ["height", "height_2"]
    assert [call.tool for call in arena.gold_calls] == ["height", "height_2"]


def test_a_tool_that_does_not_survive_its_new_name_is_rejected(judged, list_teacher, sandbox):
    by_name = {
        "source": "def height(mountain):\n    return {'Besk': globals()['height'].__name__ and 3412}[mountain]"
    }
    with pytest.raises(Rejected, match="name_collision: renamed to height_2"):
        run(judged, list_teacher({**GOOD, "tool_code:2": [by_name]}), sandbox)


def test_the_first_failing_node_is_the_reason_whatever_fails_first(judged, list_teacher, sandbox):
    slow = {"source": "def height(mountain):\n    for _ in range(10**6):\n        pass\n    return 1"}
    both_bad = {**GOOD, "tool_code:1": [slow], "tool_call:2": [call("Besk", unit="km")] * 2}
    for _ in range(3):
        with pytest.raises(Rejected, match="no_working_code"):
            run(judged, list_teacher(both_bad), sandbox, codes=1, rounds=1)
