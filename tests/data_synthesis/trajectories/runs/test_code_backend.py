import asyncio

import pytest
from small_servers import tool

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Reach, ToolServer
from data_synthesis.trajectories.runs.code_backend import CodeBackend
from data_synthesis.trajectories.runs.interface import BackendFailure


def server(source):
    add = tool("add", a="integer", b="integer").model_copy(update={"source": source})
    return ToolServer(title="Sums", tools=[add], reach=Reach(kind="code"))


def executed(sandbox, source, *calls, deadline=2.0):
    async def run():
        backend = CodeBackend(server(source), sandbox, deadline)
        try:
            return await backend.execute(calls, 0)
        finally:
            await backend.close()
            await backend.close()

    return asyncio.run(run())


def call(a=1, b=2, name="add"):
    return ParsedCall("1", name, {"a": a, "b": b})


GOOD = "total = 0\ndef add(a, b):\n    global total\n    total += a + b\n    return total\n"


def test_calls_of_a_run_share_a_session_and_runs_do_not(sandbox):
    assert [event.output for event in executed(sandbox, GOOD, call(), call())] == ["3", "6"]
    assert [event.output for event in executed(sandbox, GOOD, call())] == ["3"]


@pytest.mark.parametrize(
    ("source", "asked", "status"),
    [
        ("def add(a, b):\n    raise ValueError('no')\n", call(), "tool_error"),
        ("def add(a, b):\n    while True: pass\n", call(), "breach"),
        (GOOD, call(a="x"), "bad_arguments"),
        (GOOD, call(name="invented"), "unknown_tool"),
    ],
)
def test_each_way_to_fail_is_an_event(sandbox, source, asked, status):
    assert [event.status for event in executed(sandbox, source, asked, deadline=0.5)] == [status]


def test_source_that_does_not_load_breaks_the_run(sandbox):
    with pytest.raises(BackendFailure):
        executed(sandbox, "def add(:", call())
