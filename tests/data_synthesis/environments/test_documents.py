import pytest

from data_synthesis.environments.documents import document_problem
from data_synthesis.environments.replies import ToolDocument

MOUNTAIN = {"type": "string"}
PARAMETERS = {"type": "object", "properties": {"mountain": MOUNTAIN}, "required": ["mountain"]}


def problem(parameters, answer=2871) -> str:
    return document_problem(
        ToolDocument(name="height", description="Heights.", parameters=parameters), answer
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "array"},
        {"type": "object"},
        {**PARAMETERS, "required": ["peak"]},
        {**PARAMETERS, "required": "m"},
        {**PARAMETERS, "properties": {"mountain-name": MOUNTAIN}, "required": []},
    ],
)
def test_a_document_must_be_a_function_schema(parameters):
    assert problem(parameters)
    assert not problem(PARAMETERS)


@pytest.mark.parametrize(
    "sample", [{"default": 2871}, {"example": "2,871"}, {"examples": [12, {"deep": 2871}]}]
)
def test_a_document_does_not_give_the_answer_away(sample):
    assert "the answer" in problem({**PARAMETERS, "properties": {"mountain": MOUNTAIN | sample}})
    assert not problem({**PARAMETERS, "properties": {"mountain": MOUNTAIN | sample}}, answer=99)


def test_a_parameter_may_be_called_default():
    assert not problem({"type": "object", "properties": {"default": {"type": "integer", "maximum": 2871}}})
