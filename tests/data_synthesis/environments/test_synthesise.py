import asyncio

import pytest

from data_synthesis.environments.replies import ToolDocument
from data_synthesis.environments.synthesise import Budget, document_problem, synthesise
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
    run(judged, teacher, sandbox)
    last = [prompt for prompt in teacher.asked if prompt.name == "tool_code"][-1]
    assert last.attempt == 3
    syntax, key, diff = last.feedback
    assert "SourceError" in syntax
    assert "ToolRaised: KeyError: 'peak'" in key
    assert diff == 'the call {"mountain": "Arrel"} returned {"height": 2870}, which does not contain 2871'


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
        run(judged, teacher, sandbox, codes=3)
    assert sum(p.name == "tool_code" and p.variables["node"] == 1 for p in teacher.asked) == 3


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
        run(judged, list_teacher({**GOOD, "tool_call:1": [hostile]}), sandbox, codes=1)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "array"},
        {"type": "object"},
        {**PARAMETERS, "required": ["peak"]},
        {**PARAMETERS, "required": "m"},
    ],
)
def test_a_document_must_be_a_function_schema(parameters):
    assert document_problem(ToolDocument(name="height", description="Heights.", parameters=parameters))
    assert not document_problem(ToolDocument(name="height", description="Heights.", parameters=PARAMETERS))


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
            run(judged, list_teacher(both_bad), sandbox, codes=1)
