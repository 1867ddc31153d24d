"""The loop of a rollout, against a world and a contestant that do as they are told."""

import asyncio

import pytest

from astra_jax.evaluation.bfcl.play import play
from astra_jax.evaluation.bfcl.records import BfclItem, BfclTool, Verdict
from astra_jax.evaluation.contestant import OutOfContext, Reply
from data_synthesis.arenas.backend import InfrastructureFailure, ParsedCall
from data_synthesis.records import Message

ADD, LATER = BfclTool(name="add"), BfclTool(name="subtract")


def item(*turns, category="multi_turn_base", **more):
    openings = [[Message(role="user", content=text)] for text in turns]
    fields = {"category": category, "turns": openings, "tools": [ADD], "most_steps": 2, **more}
    return BfclItem(id=f"{category}_0", **fields)


class World:
    def __init__(self):
        self.executed, self.checked = [], []

    async def execute(self, item, steps):
        self.executed.append([[call.name for call in step] for step in steps])
        return [f"result of {call.name}" for call in steps[-1]]

    async def check(self, item, turns):
        self.checked.append([[[call.name for call in step] for step in steps] for steps in turns])
        return Verdict(valid=True)


class Contestant:
    name = "scripted"

    def __init__(self, *replies):
        self._replies, self.shown, self.closed = list(replies), [], 0

    def open(self, item, seed):
        return self

    async def reply(self, messages, tools):
        self.shown.append(([message.model_copy(deep=True) for message in messages], list(tools)))
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self):
        self.closed += 1


def calls(*names, arguments=()):
    return Reply(calls=[ParsedCall("same", name, dict(arguments)) for name in names])


UNREADABLE = Reply("hm", calls=[ParsedCall("", "add", None, "not JSON"), ParsedCall("", "add", {})])
DONE = Reply("Done.")


def played(item, *replies):
    world, contestant = World(), Contestant(*replies)
    run = asyncio.run(play(item, contestant, world))
    assert contestant.closed == 1
    return run, world, contestant


def test_a_turn_ends_with_the_first_reply_without_calls_and_every_call_is_executed_after_those_before():
    run, world, _ = played(item("a", "b"), calls("add", "add"), calls("x"), DONE, calls("y"), DONE)
    assert world.executed == [[["add", "add"]], [["add", "add"], ["x"]], [["add", "add"], ["x"], ["y"]]]
    assert world.checked == [[[["add", "add"], ["x"]], [["y"]]]]
    assert (run.stop, run.verdict.valid, run.scores) == ("finished", True, {"valid": 1.0})


def test_results_answer_calls_by_ids_that_are_unique_in_the_rollout():
    run, _, _ = played(item("a"), calls("add", "add"), calls("add"), DONE)
    ids = [call.id for message in run.messages for call in message.tool_calls]
    assert len(set(ids)) == 3
    assert [message.tool_call_id for message in run.messages if message.role == "tool"] == ids
    assert [m.role for m in run.messages] == [
        "user", "assistant", "tool", "tool", "assistant", "tool", "assistant",
    ]  # fmt: skip


def test_calls_that_cannot_be_read_end_the_turn_and_none_of_them_is_executed():
    run, world, _ = played(item("a"), UNREADABLE)
    assert (world.executed, world.checked) == ([], [[[]]])
    assert run.messages[-1].tool_calls == []


def test_what_was_cut_off_is_not_acted_upon():
    cut = Reply(calls=[ParsedCall("", "add", {})], cut_off=True)
    assert played(item("a"), cut)[1].executed == []


def test_tools_are_revealed_in_their_turn():
    _, _, contestant = played(item("a", "b", revealed={1: [LATER]}), DONE, DONE)
    assert [tools for _, tools in contestant.shown] == [[ADD], [ADD, LATER]]


def test_one_step_too_many_ends_the_rollout_with_the_turns_so_far():
    run, world, _ = played(item("a", "b", "c"), DONE, calls("x"), calls("y"), calls("z"))
    assert run.stop == "most_steps"
    assert world.checked == [[[], [["x"], ["y"], ["z"]]]]


def test_a_conversation_out_of_context_fails_without_a_check():
    run, world, _ = played(item("a"), calls("x"), OutOfContext("too long"))
    assert (run.stop, run.verdict.valid, run.verdict.kind) == ("context", False, "out_of_context")
    assert world.checked == []


def test_a_failure_of_somebody_else_is_no_verdict():
    with pytest.raises(InfrastructureFailure):
        asyncio.run(play(item("a"), Contestant(InfrastructureFailure("gone")), World()))


@pytest.mark.parametrize(
    ("reply", "checked"),
    [(calls("add", "x"), [[[["add", "x"]]]]), (DONE, [[[[]]]]), (UNREADABLE, [[[]]])],
    ids=["calls", "none", "unreadable"],
)
def test_an_item_of_one_turn_is_answered_once(reply, checked):
    run, world, _ = played(item("a", category="simple_python"), reply)
    assert world.checked == checked
    assert world.executed == []
    assert run.stop == "finished"


def test_what_a_function_returns_is_shown_with_its_document():
    assert "response" not in ADD.openai()["function"]
    returns = {"type": "object"}
    assert BfclTool(name="add", response=returns).openai()["function"]["response"] == returns
