import asyncio
import sys
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


def server(*ways):
    text = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    nothing = {"type": "object", "properties": {}}
    names = {"note": text, "row": text, "echo": text, "die": nothing, "sleep": nothing, "big": nothing}
    tools = [ServerTool(name=f"my_{name}", wire_name=name, parameters=p) for name, p in names.items()]
    reach = Reach(kind="stdio", command=[sys.executable, BAD_SERVER, *ways])
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
        backend = McpBackend(server(*ways), SessionPool(start_deadline=10.0), call_deadline=1.0)
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


def test_closing_what_was_never_opened_is_no_harm():
    async def run():
        backend = McpBackend(server(), SessionPool(1.0), 1.0)
        assert await backend.finish() == []
        await backend.close()

    asyncio.run(run())
