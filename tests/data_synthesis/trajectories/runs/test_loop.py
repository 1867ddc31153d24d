import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_servers import shop

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import AgentRun, RunEvent, StateChange, Task
from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.trajectories.runs.interface import BackendFailure, Turn
from data_synthesis.trajectories.runs.loop import RunSettings, play

SERVER = shop()
TASK = Task(query="Give Ann her money back.", server_id=SERVER.id, target_tools=["refund"])


def call(name="refund", call_id="x", **arguments):
    return ParsedCall(call_id, name, arguments)


class Scripted:
    """Says its turns one after the other; an exception among them is raised."""

    name = "scripted"

    def __init__(self, turns):
        self.turns, self.seen = list(turns), []

    async def turn(self, situation):
        self.seen.append(situation)
        said = self.turns[min(len(self.seen), len(self.turns)) - 1]
        if isinstance(said, Exception):
            raise said
        return said


class Tools:
    """Answers every call with its arguments, or raises; says whether it was closed."""

    def __init__(self, failure=None, seconds=0.0, output=""):
        self.failure, self.seconds, self.output, self.closed = failure, seconds, output, 0

    async def execute(self, calls, turn):
        await asyncio.sleep(self.seconds)
        if self.failure:
            raise self.failure
        return [
            RunEvent(
                turn=turn, call_id=c.id, name=c.name, arguments=c.arguments, output=self.output, status="ok"
            )
            for c in calls
        ]

    async def finish(self):
        return [StateChange(what="file", name="a", after="b")]

    async def close(self):
        self.closed += 1


def played(turns, tools=None, **options) -> AgentRun:
    tools = tools or Tools()
    run = asyncio.run(play(TASK, SERVER, Scripted(turns), tools, RunSettings(**options)))
    assert tools.closed
    return run


@given(counts=st.lists(st.integers(1, 4), max_size=4), limit=st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_calls_have_unique_ids_whatever_the_agent_calls_them_and_each_has_its_answer(counts, limit):
    turns = [Turn(calls=[call(call_id="same")] * n) for n in counts] + [Turn("done")]
    run = played(turns, calls_a_turn=limit)
    ids = [c.id for m in run.messages for c in m.tool_calls]
    assert len(set(ids)) == len(ids) == sum(counts)
    assert [m.tool_call_id for m in run.messages if m.role == "tool"] == ids
    assert [event.call_id for event in run.events] == ids
    assert sum(event.status == "ok" for event in run.events) == sum(min(n, limit) for n in counts)


def test_a_finished_run_has_an_answer_and_what_it_changed():
    run = played([Turn("I look.", "hm", [call()]), Turn("All done.")])
    assert (run.status, run.outcome, run.messages[-1].content) == ("finished", "finished", "All done.")
    assert run.messages[2].reasoning_content == "hm"
    assert run.state[0].name == "a"


@pytest.mark.parametrize(
    ("turns", "tools", "options", "outcome"),
    [
        ([Turn(calls=[call()])], Tools(), {"model_calls": 3}, "max_calls"),
        ([Turn(calls=[call()]), TeacherError("no answer")], Tools(), {}, "agent_failed"),
        ([Turn(calls=[call()])], Tools(BackendFailure("died")), {}, "backend_failed"),
        ([Turn(calls=[call()])], Tools(TeacherError("no answer")), {}, "emulator_failed"),
        ([Turn(calls=[call()])], Tools(seconds=60), {"deadline_s": 0.05}, "deadline"),
    ],
)
def test_a_run_that_breaks_says_how_and_keeps_what_was_said(turns, tools, options, outcome):
    run = played(turns, tools, **options)
    assert (run.status, run.outcome) == ("broken", outcome)
    assert run.problem
    assert run.messages[-1].role in ("user", "tool")  # no call without its answer
    assert AgentRun.model_validate_json(run.model_dump_json()) == run


def test_the_agent_is_asked_no_more_often_than_allowed():
    agent = Scripted([Turn(calls=[call()])])
    asyncio.run(play(TASK, SERVER, agent, Tools(), RunSettings(model_calls=3)))
    assert len(agent.seen) == 3


def test_when_nothing_can_be_asked_any_more_the_pipeline_hears_of_it():
    tools = Tools()
    with pytest.raises(TeacherGone):
        asyncio.run(play(TASK, SERVER, Scripted([TeacherGone("budget")]), tools, RunSettings()))
    assert tools.closed


def test_long_observations_are_cut_with_a_note():
    run = played([Turn(calls=[call()]), Turn("done")], Tools(output="a" * 100), output_chars=40)
    assert run.events[0].output == "a" * 40 + "\n[cut: 60 more characters]"
    assert run.messages[-2].content == run.events[0].output


def test_what_was_no_json_object_is_still_answered():
    broken = ParsedCall("", "refund", None, "the arguments are not JSON")
    run = played([Turn(calls=[broken]), Turn("done")])
    assert run.messages[2].tool_calls[0].arguments == {}
    assert run.messages[3].tool_call_id == run.messages[2].tool_calls[0].id


@pytest.mark.parametrize("name", ["model_calls", "deadline_s", "calls_a_turn", "output_chars"])
def test_settings_that_allow_nothing_are_refused(name):
    with pytest.raises(ValueError, match=name):
        RunSettings(**{name: 0})
