import asyncio
import time

import pytest
from small_servers import tool

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Reach, Task, ToolServer
from data_synthesis.trajectories.runs.code_backend import CodeBackend
from data_synthesis.trajectories.runs.interface import BackendFailure, Turn
from data_synthesis.trajectories.runs.loop import RunSettings, play


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


HANGS = "import time\ndef add(a, b):\n    time.sleep(60)\n    return a\n"


class Says:
    name = "says"

    def __init__(self):
        self.turns = [Turn(calls=[call()]), Turn("Done.")]

    async def turn(self, situation):
        return self.turns.pop(0)


def test_a_tool_that_outlives_the_run_keeps_nobody_waiting(sandbox):
    async def played(source, deadline):
        backend = CodeBackend(server(source), sandbox, 4.0)
        settings = RunSettings(deadline_s=deadline)
        return await play(Task(query="Add."), server(source), Says(), backend, settings)

    async def run():
        stalls, last = [0.0], time.monotonic()

        async def tick():
            nonlocal last
            while True:
                await asyncio.sleep(0.02)
                stalls.append(time.monotonic() - last)
                last = time.monotonic()

        ticking = asyncio.create_task(tick())
        hanging = [played(HANGS, 1.0) for _ in range(12)]
        runs = await asyncio.gather(*hanging, *(played(GOOD, 20.0) for _ in range(6)))
        ticking.cancel()
        return [run.outcome for run in runs], max(stalls)

    outcomes, stall = asyncio.run(run())
    assert outcomes == ["deadline"] * 12 + ["finished"] * 6
    assert stall < 2.0, "the event loop stood still until the call's own deadline"


def test_a_session_that_opens_after_the_run_is_closed(sandbox):
    opened = []

    class Slow:
        def open(self, sources):
            time.sleep(0.5)
            opened.append(sandbox.open(sources))
            return opened[-1]

    async def run():
        backend = CodeBackend(server(GOOD), Slow(), 2.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(backend.execute([call()], 0), 0.1)
        await backend.close()

    asyncio.run(run())
    deadline = time.monotonic() + 10
    while not opened or opened[0]._end is None:
        assert time.monotonic() < deadline, "it is still open"
        time.sleep(0.05)
