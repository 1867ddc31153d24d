"""The official data, classes and checkers through our path; skipped where they are not installed."""

import asyncio
import json

import pytest

from astra_jax.evaluation.bfcl.ground_truth import GroundTruth
from astra_jax.evaluation.bfcl.play import play
from astra_jax.evaluation.bfcl.records import Call
from astra_jax.evaluation.bfcl.table import GROUPS, defects
from astra_jax.evaluation.worker import WorkerRefused
from tests.astra_jax.evaluation.bfcl.conftest import maker

MULTI_TURN = list(GROUPS["multi-turn"])
DEFECTIVE_ALONE = [id for id in defects() if not id.startswith("multi_turn")]


def in_world(make_world, work):
    async def run():
        world = make_world()
        try:
            return await work(world)
        finally:
            await world.close()

    return asyncio.run(run())


async def verdicts(world, category, *, truncated=False, most=None, only=()):
    items = [item for item in await world.items(category) if not only or item.id in only][:most]
    truth = GroundTruth(items, await world.answers(category), truncated=truncated)
    runs = [await play(item, truth, world) for item in items]
    return {run.item: run.verdict for run in runs}


@pytest.mark.parametrize("truncated", [False, True], ids=["whole", "truncated"])
def test_the_ground_truth_holds_and_without_its_last_call_it_does_not(make_either, truncated):
    async def work(world):
        return [await verdicts(world, category, truncated=truncated, most=3) for category in MULTI_TURN[:2]]

    assert [v.valid for each in in_world(make_either, work) for v in each.values()] == [not truncated] * 6


@pytest.mark.slow
@pytest.mark.parametrize("truncated", [False, True], ids=["whole", "truncated"])
def test_all_800_ground_truths_hold_and_none_without_its_last_call(make_either, truncated):
    async def work(world):
        return [await verdicts(world, category, truncated=truncated) for category in MULTI_TURN]

    found = [v.valid for each in in_world(make_either, work) for v in each.values()]
    assert found == [not truncated] * 800


@pytest.mark.slow
def test_answers_of_one_turn_hold_but_for_defects_and_java_that_json_does_not_spell(make_world):
    async def work(world):
        categories = [
            *GROUPS["non-live AST"],
            *GROUPS["live AST"],
            "irrelevance",
            "live_irrelevance",
            "live_relevance",
        ]
        return {category: await verdicts(world, category) for category in categories}

    found = in_world(make_world, work)
    failed = {id for each in found.values() for id, verdict in each.items() if not verdict.valid}
    assert len({id for id in failed if id.startswith("simple_java")}) == 23
    assert {id for id in failed if not id.startswith("simple_java")} == set(DEFECTIVE_ALONE)


def test_state_is_fresh_in_every_rollout(make_world):
    """The package keeps objects by model and item, so that a right rollout after a wrong one fails."""

    async def work(world):
        [item] = [item for item in await world.items("multi_turn_base") if item.id == "multi_turn_base_0"]
        turns = (await world.answers("multi_turn_base"))[item.id]
        right = [[[Call(**call) for call in turn]] for turn in turns]
        wrong = [*right[:-1], [[*right[-1][0], Call(name="mkdir", arguments={"dir_name": "more"})]]]
        return [(await world.check(item.id, each)).valid for each in (wrong, right, wrong, right)]

    assert in_world(make_world, work) == [False, True, False, True]


@pytest.mark.parametrize(
    "name",
    ["__import__('os').system", "eval", "_load_scenario", "__init__", "ls(); mkdir", "print"],
)
def test_only_public_methods_of_the_items_objects_can_be_called(make_world, name):
    async def work(world):
        return await world.execute("multi_turn_base_0", [[Call(name=name, arguments={})]])

    assert in_world(make_world, work) == [f"Error during execution: name '{name}' is not defined"]


def test_arguments_are_values_and_never_code(make_world):
    text = "'); mkdir('x'); (__import__('os').getcwd()"

    async def work(world):
        steps = [
            [
                Call(name="touch", arguments={"file_name": "a"}),
                Call(name="echo", arguments={"content": text, "file_name": "a"}),
            ],
            [Call(name="cat", arguments={"file_name": "a"}), Call(name="ls", arguments={"no such": 1})],
        ]
        return await world.execute("multi_turn_base_0", steps)

    content, error = in_world(make_world, work)
    assert json.loads(content) == {"file_content": text}
    assert error.startswith("Error during execution: ")
    assert "no such" in error


def test_the_older_items_are_as_their_package_shows_them():
    """Of v3 there are items of several turns alone, in which a function that is held back is shown later."""

    async def work(world):
        items = {item.id: item for item in await world.items("multi_turn_miss_func")}
        return await world.groups(), items["multi_turn_miss_func_0"]

    groups, item = in_world(maker("v3"), work)
    assert (groups["multi_turn"], groups["non_live"], groups["live"]) == (MULTI_TURN, [], [])
    [(turn, revealed)] = item.revealed.items()
    assert item.turns[turn][0].content.startswith("I have updated some more functions")
    assert [tool.name for tool in revealed] == ["sort"]
    assert "sort" not in {tool.name for tool in item.tools}


def test_an_unknown_item_is_refused(make_world):
    with pytest.raises(WorkerRefused, match="no_such"):
        in_world(make_world, lambda world: world.execute("no_such_7", [[]]))


@pytest.mark.slow
def test_each_declared_defect_is_one(make_world):
    """Alone, its own ground truth fails; in several turns, that writes what nothing it was shown says."""

    async def work(world):
        alone = {}
        for category in ("live_simple", "live_multiple"):
            alone |= await verdicts(world, category, only=defects())
        unsaid = {}
        for category in MULTI_TURN:
            items = [item for item in await world.items(category) if item.id in defects()]
            truth = GroundTruth(items, await world.answers(category))
            for item in items:
                unsaid[item.id] = unsaid_posts((await play(item, truth, world)).messages)
        return alone, unsaid

    alone, unsaid = in_world(make_world, work)
    assert {id: verdict.valid for id, verdict in alone.items()} == dict.fromkeys(DEFECTIVE_ALONE, False)
    assert alone.keys() | unsaid.keys() == defects().keys()
    assert all(unsaid.values())


def unsaid_posts(messages):
    """The contents of posts that stand in nothing before them."""
    said, found = "", []
    for message in messages:
        for call in message.tool_calls:
            content = call.arguments.get("content", "")
            if call.name == "post_tweet" and content not in said:
                found.append(content)
        text = message.content
        said += text + "\n" + text.encode().decode("unicode_escape", "replace") + "\n"
    return found
