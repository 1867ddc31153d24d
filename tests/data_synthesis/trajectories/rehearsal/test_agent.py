import asyncio
import json

import pytest
from small_servers import shop

from data_synthesis.records import RunEvent, Task
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.rehearsal.agent import RehearsedAgent
from data_synthesis.trajectories.rehearsal.clauses import Clause, request
from data_synthesis.trajectories.rehearsal.script import BadRehearsal, Rehearsals
from data_synthesis.trajectories.runs.loop import RunSettings, play

SERVER = shop()
WANTED = [Clause("find order", {"customer": "Ann"}), Clause("refund", {"order_id": "7"})]


class Flaky:
    """Fails the first calls of every tool, then answers with its name."""

    def __init__(self, failures):
        self.failures, self.calls = failures, []

    async def execute(self, calls, turn):
        events = []
        for call in calls:
            self.calls.append((call.name, call.arguments))
            failed = sum(name == call.name for name, _ in self.calls) <= self.failures
            output = "Error: the server timed out" if failed else f"{call.name} is done"
            status = "timeout" if failed else "ok"
            events.append(RunEvent(turn=turn, call_id=call.id, name=call.name, output=output, status=status))
        return events

    async def finish(self):
        return []

    async def close(self): ...


def played(query, failures=0, folder=None, language="en"):
    agent = RehearsedAgent(Rehearsals(folder) if folder else Rehearsals())
    task = Task(query=query, server_id=SERVER.id, language=language)
    tools = Flaky(failures)
    return asyncio.run(play(task, SERVER, agent, tools, RunSettings())), tools


def test_what_a_request_spells_out_is_done_in_order_and_told():
    run, tools = played(request(WANTED, "en"))
    assert tools.calls == [("find_order", {"customer": "Ann"}), ("refund", {"order_id": "7"})]
    assert run.status == "finished"
    assert "find_order is done" in run.messages[-1].content


def test_what_was_out_of_reach_is_tried_again_and_a_failure_that_stays_is_told():
    run, tools = played(request(WANTED[:1], "en"), failures=1)
    assert len(tools.calls) == 2
    assert "failed" not in run.messages[-1].content
    run, tools = played(request(WANTED[:1], "zh"), failures=9, language="zh")
    assert len(tools.calls) == 3
    assert "失败" in run.messages[-1].content


def test_a_request_that_nobody_rehearsed_breaks_the_run():
    run, _ = played("Sing a song.")
    assert (run.status, run.outcome) == ("broken", "agent_failed")


def test_what_is_written_down_is_said_word_for_word(tmp_path):
    turns = [
        {"say": "I look.", "calls": [{"name": "find_order", "arguments": {"customer": "Bo"}}]},
        {"say": "There."},
    ]
    task = {
        "tools": ["find_order"],
        "query": "Where is it?",
        "variations": {"diverse": "And where?"},
        "turns": turns,
    }
    (tmp_path / "shop.json").write_text(json.dumps({"server": "Shop", "tasks": [task]}))
    for query in ("Where is it?", "And where?"):
        run, tools = played(query, folder=tmp_path)
        assert tools.calls == [("find_order", {"customer": "Bo"})]
        assert [m.content for m in run.messages if m.role == "assistant"] == ["I look.", "There."]


def test_a_file_that_is_no_rehearsal_is_named(tmp_path):
    (tmp_path / "shop.json").write_text('{"server": "Shop", "tasks": [{}]}')
    with pytest.raises(BadRehearsal, match=r"shop\.json: field `tasks\.0\.tools`"):
        Rehearsals(tmp_path).of_server("Shop")


def test_an_agent_that_has_said_everything_has_nothing_more_to_say(tmp_path):
    task = {"tools": ["refund"], "query": "q", "turns": [{"calls": [{"name": "refund"}]}]}
    (tmp_path / "shop.json").write_text(json.dumps({"server": "Shop", "tasks": [task]}))
    run, _ = played("q", folder=tmp_path)
    assert run.outcome == "agent_failed"
    assert TeacherError.__name__ not in run.problem
