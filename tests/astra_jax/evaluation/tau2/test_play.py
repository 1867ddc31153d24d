"""A simulation's loop, against an environment and two who do as they are told."""

import asyncio

import pytest

from astra_jax.evaluation.contestant import OutOfContext, Reply
from astra_jax.evaluation.tau2.play import UserFailed, play
from astra_jax.evaluation.tau2.records import Role, Tau2Item
from astra_jax.evaluation.tau2.world import Answer, Opening
from data_synthesis.arenas.backend import InfrastructureFailure, ParsedCall
from data_synthesis.records import ToolSpec

ITEM = Tau2Item(domain="airline", task="1", trial=0)
STOP = Reply("Thanks. ###STOP###")
AGENT, USER = Role(system="agent", tools=[ToolSpec(name="book")]), Role(system="user", tools=[])


class Simulation:
    def __init__(self, most_steps=20, most_errors=3):
        self.opening = Opening(AGENT, USER, "Hi!", ("###STOP###",), most_steps, most_errors)
        self.calls, self.evaluated = [], []

    async def open(self):
        return self.opening

    async def call(self, requestor, calls):
        self.calls.append((requestor, [call.name for call in calls]))
        return [Answer(f"{call.name} done", call.name == "wrong") for call in calls]

    async def evaluate(self, messages, ended):
        self.evaluated.append((messages, ended))
        return {"reward": 1.0, "parts": {"DB": 1.0}}


class Scripted:
    def __init__(self, *replies):
        self._replies, self.shown, self.closed = list(replies), [], False

    async def reply(self, messages, tools):
        self.shown.append([(m.role, m.content) for m in messages])
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self):
        self.closed = True


class Pair:
    def __init__(self, agent, user):
        self.agent, self.user = agent, user

    async def open(self, item, simulation):
        return self.agent, self.user


def calls(*names, content=""):
    return Reply(content, calls=[ParsedCall("same", name, {}) for name in names])


def simulated(agent, user, **bounds):
    simulation, pair = Simulation(**bounds), Pair(Scripted(*agent), Scripted(*user))
    run = asyncio.run(play(ITEM, pair, simulation))
    assert (pair.agent.closed, pair.user.closed) == (True, True)
    return run, simulation, pair


def test_agent_and_user_talk_and_each_sees_only_its_own_calls():
    agent = [calls("book", "look", content="One moment."), Reply("Booked.")]
    user = [Reply("Book it."), calls("check"), Reply("I see it."), STOP]
    run, simulation, pair = simulated([*agent, Reply("Good.")], user)
    assert simulation.calls == [("assistant", ["book", "look"]), ("user", ["check"])]
    assert pair.agent.shown[-1] == [
        ("system", "agent"), ("assistant", "Hi!"), ("user", "Book it."), ("assistant", "One moment."),
        ("tool", "book done"), ("tool", "look done"), ("assistant", "Booked."), ("user", "I see it."),
    ]  # fmt: skip
    assert pair.user.shown[-1] == [
        ("system", "user"), ("user", "Hi!"), ("assistant", "Book it."), ("user", "Booked."), ("assistant", ""),
        ("tool", "check done"), ("assistant", "I see it."), ("user", "Good."),
    ]  # fmt: skip
    assert (run.ended, run.reward, run.parts) == ("user_stop", 1.0, {"DB": 1.0})


def test_what_is_evaluated_is_all_that_happened_with_unique_ids():
    run, simulation, _ = simulated([calls("book", "book"), Reply("Booked.")], [Reply("Book it."), STOP])
    [(messages, ended)] = simulation.evaluated
    assert ended == "user_stop"
    assert [message["role"] for message in messages] == [
        "assistant", "user", "assistant", "tool", "tool", "assistant", "user",
    ]  # fmt: skip
    ids = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    assert len(set(ids)) == 2
    assert [message["id"] for message in messages if message["role"] == "tool"] == ids
    assert run.simulation == messages


UNREADABLE = Reply(calls=[ParsedCall("", "book", None, "not JSON")])


@pytest.mark.parametrize(
    "reply", [Reply(" "), UNREADABLE, OutOfContext("too long")], ids=["empty", "unreadable", "context"]
)
def test_an_agent_without_a_turn_ends_it_and_a_user_without_one_is_no_verdict(reply):
    run, simulation, _ = simulated([reply], [Reply("Book it.")])
    assert run.ended == "agent_error"
    assert simulation.evaluated[0][1] == "agent_error"
    with pytest.raises(UserFailed, match="the simulated user failed"):
        simulated([], [reply])


def test_somebody_elses_failure_is_passed_on():
    with pytest.raises(InfrastructureFailure):
        simulated([InfrastructureFailure("gone")], [Reply("Book it.")])


def test_messages_are_bounded_but_never_between_a_call_and_its_answer():
    run, _, _ = simulated([calls("book")] * 5, [Reply("Book it.")], most_steps=4)
    assert run.ended == "max_steps"
    assert run.simulation[-1]["role"] == "tool"


def test_errors_of_calls_are_bounded():
    run, simulation, _ = simulated([calls("wrong"), calls("wrong", "wrong")], [Reply("Book it.")])
    assert (run.ended, len(simulation.calls)) == ("too_many_errors", 2)
