import re
from dataclasses import replace
from string import Template

import pytest

from data_synthesis.environments import MODES, prompts, wordings
from data_synthesis.environments.wordings import Wording
from data_synthesis.records import GoldCall, Question, Seed, ToolSpec, content_hash

# The words belong to their version: whoever changes them gives them a new version, and adds a line here.
WORDS = {
    "decompose/1": "91b733a072e1b34b",
    "decompose_domain/1": "8ed495d5e73d81bd",
    "decompose_context/1": "0431469cdd4e3f2e",
    "decompose_taxonomy/1": "c113c47202ffb252",
    "decompose_env_base/1": "993c6b656b0bbf93",
    "decompose_env_call_state/1": "6d1f8cf7b69c5305",
    "decompose_env_call_state_loose/1": "16430022a6aab74e",
    "decompose_env_tool_name/1": "3fef39d1fd3c788a",
    "necessity/1": "90e09398829858ac",
    "verify_dependency/1": "2d5690555343c2d6",
    "verify_atomicity/1": "4d8df3cf8b7bbbfc",
    "verify_sequential/1": "af10866f89b241c3",
    "verify_completeness/1": "4fd9e286df3f0ecc",
    "tool_document/1": "63fa3e7c5e0fb43f",
    "tool_scaling/1": "d4d1904e0f92c879",
    "tool_call/1": "727f12b3bea57de6",
    "tool_code/1": "5a49cac94fb2db76",
    "intent_clusters/1": "65949906754b5ac3",
    "merge_tool/1": "0084e4fa066373f8",
}


def all_wordings() -> list[Wording]:
    return [value for value in vars(wordings).values() if isinstance(value, Wording)]


@pytest.fixture
def every_prompt(whole):
    tool = ToolSpec(name="height", description="Heights.")
    calls = [GoldCall(id=i, tool="height", expected=i, question=f"{i}?") for i in (1, 2)]
    sub = whole.sub_questions[2]
    return [
        prompts.decompose(Question(question=whole.question)),
        *(prompts.decompose(Seed(mode=mode, shown=["height"])) for mode in MODES if mode != "question"),
        prompts.necessity(whole),
        prompts.verify_dependency(whole, sub),
        prompts.verify_atomicity(whole),
        prompts.verify_sequential(whole),
        prompts.verify_completeness(whole),
        prompts.tool_document(whole, sub),
        prompts.tool_scaling(whole, sub, tool),
        prompts.tool_call(whole, sub, tool),
        prompts.tool_code(whole, sub, tool, {"mountain": "Besk"}),
        prompts.intent_clusters(whole.question, [(call, tool) for call in calls]),
        prompts.merge_tool(whole.question, tool, "def height(): ...", calls[:1], calls[1]),
    ]


def test_words_change_only_with_their_version():
    assert {words.label: content_hash(words.template) for words in all_wordings()} == WORDS


def test_every_wording_has_a_prompt(every_prompt):
    assert sorted(p.name for p in every_prompt) == sorted(words.name for words in all_wordings())


def test_every_variable_of_a_template_is_filled(every_prompt):
    for prompt in every_prompt:
        assert set(Template(prompt.template).get_identifiers()) <= set(prompt.variables)
        assert not re.search(r"\$[a-z]", prompt.text())


def test_all_prompts_carry_the_question_and_those_about_a_node_its_id(every_prompt, whole):
    inventing = {wording.name for wording in wordings.DECOMPOSE_BY_MODE.values()} - {"decompose"}
    for prompt in every_prompt:
        assert ("question" not in prompt.variables) == (prompt.name in inventing)
    assert {p.variables["question"] for p in every_prompt if p.name not in inventing} == {whole.question}
    about = {prompt.name for prompt in every_prompt if "node" in prompt.variables}
    assert about == {
        "verify_dependency",
        "tool_document",
        "tool_scaling",
        "tool_call",
        "tool_code",
        "merge_tool",
    }


def test_a_retry_is_the_same_question_with_the_reasons_of_the_refusals(every_prompt):
    for prompt in every_prompt:
        again = replace(prompt, attempt=1, feedback=("it returned 12", "it failed"))
        assert again.key == prompt.key
        assert again.text() == prompt.text() + (
            "\n\nYour earlier answers were refused:\n- it returned 12\n- it failed"
        )


def test_the_document_prompt_does_not_give_the_answer_away(whole):
    prompt = prompts.tool_document(whole, whole.sub_questions[1])
    assert "3412" not in prompt.text()


def test_a_dollar_in_a_question_is_only_a_dollar():
    question = Question(question="What costs $question or $5?")
    assert "What costs $question or $5?" in prompts.decompose(question).text()
