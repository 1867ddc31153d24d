"""The ground truth as a contestant."""

import asyncio

from astra_jax.evaluation.bfcl.ground_truth import GroundTruth
from astra_jax.evaluation.bfcl.records import BfclItem, BfclTool

CALL = {"name": "add", "arguments": {"n": 1}}


def item(category, *properties, required=()):
    schema = {"type": "object", "properties": {p: {} for p in properties}, "required": list(required)}
    return BfclItem(
        id=f"{category}_0", category=category, turns=[[]], most_steps=20,
        tools=[BfclTool(name="math_add", parameters=schema)],
    )  # fmt: skip


def replies(truth, item, count):
    conversation = truth.open(item.id, 0)

    async def ask():
        return [await conversation.reply([], []) for _ in range(count)]

    return [[(call.name, call.arguments) for call in reply.calls] for reply in asyncio.run(ask())]


def test_each_turn_is_one_step_of_its_calls_and_an_end():
    multi = item("multi_turn_base")
    truth = GroundTruth([multi], {multi.id: [[CALL, CALL], [], [CALL]]})
    add = ("add", {"n": 1})
    assert replies(truth, multi, 5) == [[add, add], [], [], [add], []]


def test_truncated_is_without_the_last_call_of_the_item():
    multi = item("multi_turn_base")
    truth = GroundTruth([multi], {multi.id: [[CALL, CALL], [CALL], []]}, truncated=True)
    assert replies(truth, multi, 4) == [[("add", {"n": 1})] * 2, [], [], []]


def answered(category, answer, *properties, required=()):
    one = item(category, *properties, required=required)
    [[(name, arguments)]] = replies(GroundTruth([one], {one.id: [{"math.add": answer}]}), one, 1)
    assert name == "math_add"
    return arguments


def test_parameters_have_the_first_value_that_is_acceptable():
    answer = {"a": [1, 2], "b": ["", 3], "c": [[4, 5]], "d": [None], "unknown": [6]}
    assert answered("simple_python", answer, "a", "b", "c", "d") == {"a": 1, "b": 3, "c": [4, 5], "d": None}


def test_what_may_only_be_left_out_is_unless_it_is_required():
    assert answered("simple_python", {"a": [""], "b": [""]}, "a", "b", required=["b"]) == {"b": ""}


def test_fields_of_objects_are_chosen_in_their_turn():
    answer = {"a": [{"x": [1, 2], "y": ["", 3], "z": {"deep": [4]}}], "b": [[{"x": [5]}]]}
    assert answered("simple_python", answer, "a", "b") == {
        "a": {"x": 1, "y": 3, "z": {"deep": 4}},
        "b": [{"x": 5}],
    }


def test_values_of_other_languages_are_source():
    assert answered("simple_java", {"a": [True], "b": ["text"]}, "a", "b") == {"a": "true", "b": "text"}


def test_what_is_relevant_is_called_and_what_is_not_is_not():
    yes, no = item("live_relevance"), item("live_irrelevance")
    truth = GroundTruth([yes, no], {})
    assert replies(truth, yes, 1) == [[("math_add", {})]]
    assert replies(truth, no, 1) == [[]]
