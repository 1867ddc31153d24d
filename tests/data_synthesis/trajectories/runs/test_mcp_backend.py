import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra `synthesis`)")

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.mcp import SessionPool
from data_synthesis.records import Reach, ServerTool, Task, ToolServer
from data_synthesis.trajectories.runs.interface import Turn
from data_synthesis.trajectories.runs.loop import RunSettings, play
from data_synthesis.trajectories.runs.mcp_backend import McpBackend

BAD_SERVER = str(Path(__file__).parents[2] / "mcp" / "bad_server.py")


def server(*ways, reset="process"):
    text = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    nothing = {"type": "object", "properties": {}}
    names = {"note": text, "row": text, "echo": text, "pid": nothing}
    names |= dict.fromkeys(("die", "sleep", "silent", "big"), nothing)
    tools = [ServerTool(name=f"my_{name}", wire_name=name, parameters=p) for name, p in names.items()]
    reach = Reach(kind="stdio", command=[sys.executable, BAD_SERVER, *ways], reset=reset)
    return ToolServer(title="Bad", tools=tools, reach=reach)


def call(name, **arguments):
    return ParsedCall(name, f"my_{name}", arguments)


class Says:
    name = "says"

    def __init__(self, *turns):
        self.turns = list(turns)

    async def turn(self, situation):
        return self.turns.pop(0)


def played(*calls, ways=()):
    task = Task(query="Do it.")
    agent = Says(*[Turn(calls=[each]) for each in calls], Turn("Done."))

    async def run():
        backend = McpBackend(server(*ways), SessionPool(start_deadline=10.0), call_deadline=3.0)
        return await play(task, server(), agent, backend, RunSettings())

    return asyncio.run(run())


def test_a_run_leaves_its_changes_in_the_record_and_nothing_on_the_disk():
    run = played(call("note", text="hello"), call("row", text="world"))
    assert [event.status for event in run.events] == ["ok", "ok"]
    assert [(c.what, c.name, c.after) for c in run.state] == [
        ("file", "note.txt", "hello"),
        ("row", "notes.db:notes", "('world',)"),
    ]
    again = played(call("note", text="hello"))
    assert [(c.before, c.after) for c in again.state] == [(None, "hello")]


def test_each_trouble_has_its_status():
    run = played(call("big"), call("echo"), ParsedCall("", "invented", {}), call("sleep"))
    assert [event.status for event in run.events] == ["oversized", "bad_arguments", "unknown_tool", "timeout"]
    assert run.status == "finished"


@pytest.mark.parametrize(("calls", "ways"), [((call("die"),), ()), ((call("echo", text="a"),), ("exit",))])
def test_a_server_that_dies_or_does_not_start_breaks_the_run(calls, ways):
    run = played(*calls, ways=ways)
    assert (run.status, run.outcome) == ("broken", "backend_failed")
    assert run.problem.startswith("Bad: ")


def test_a_run_leaves_nothing_on_the_disk_whether_its_pool_is_closed_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert played(call("note", text="hello")).status == "finished"
    assert list(tmp_path.iterdir()) == []


def test_runs_that_wrote_where_they_are_have_one_id():
    first, second = (played(call("note", text="saved in /workspace/out.csv")) for _ in range(2))
    assert first.state[0].after == "saved in /workspace/out.csv"
    assert first.id == second.id


def test_a_long_result_says_how_long_it_was_though_the_run_cuts_it_again():
    (event,) = played(call("big")).events
    assert event.output.startswith("[the first 100000 of 10000000 characters]\nxxx")
    assert len(event.output) < 9000


@pytest.mark.parametrize(
    ("calls", "started"),
    [(("pid",), 1), (("sleep",), 2), (("silent",), 2), (("silent", "pid"), 2)],
)
def test_a_server_in_which_a_call_hung_serves_no_other_run(calls, started):
    async def run():
        pool = SessionPool(start_deadline=10.0)
        live = server(reset="folder")
        try:
            for names in (calls, ("pid",)):
                backend = McpBackend(live, pool, call_deadline=0.5)
                await backend.execute([call(name) for name in names], 0)
                await backend.close()
            return pool.counts["started"]
        finally:
            await pool.close()

    assert asyncio.run(run()) == started


def test_a_run_that_is_cut_off_in_a_call_gives_its_server_to_nobody():
    async def run():
        pool = SessionPool(start_deadline=10.0)
        live = server(reset="folder")
        try:
            backend = McpBackend(live, pool, call_deadline=30.0)
            await backend.execute([call("pid")], 0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await backend.execute([call("silent")], 1)
            await backend.close()
            return list(pool._idle)
        finally:
            await pool.close()

    assert asyncio.run(run()) == []


def test_closing_what_was_never_opened_is_no_harm():
    async def run():
        backend = McpBackend(server(), SessionPool(1.0), 1.0)
        assert await backend.finish() == []
        await backend.close()

    asyncio.run(run())
