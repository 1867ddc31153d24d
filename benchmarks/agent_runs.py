"""How busy agents' runs keep a server, and how many episodes real MCP servers serve.

Emulated tools: 64 runs at a time against one server that is agent and emulator, a process of its own on this machine
with 64 slots and 200 ms a reply whatever is asked. A run is three turns with three calls, six requests one after the
other, through the pipeline's `run` step: journal, ledger and records are written. Beside it stands the bare `openai`
client sending as many requests: the most that a client of that package keeps busy here.

Real servers: each episode is a run of three calls on the memory server of `make mcp-servers`, what it left in its
folder compared before and after, once with the server put back and used again and once with a process for each run.
The figure is left out where the server is not installed. What it does not show: agents and tools that take their time.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.completions_server import LATENCY_S, MODEL, SLOTS
from benchmarks.processor import machine_seconds, tree_seconds
from benchmarks.reporting import Figure, main
from benchmarks.synthesis import ask_all, serving
from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.mcp import SessionPool
from data_synthesis.pipeline import Policy
from data_synthesis.records import AgentRun, Reach, ServerTool, Task, ToolServer, read_records, write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.server import ServerSettings, ServerTeacher
from data_synthesis.trajectories.build import Company, synthesise_trajectories
from data_synthesis.trajectories.cast import Cast
from data_synthesis.trajectories.live import LiveServer
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.failures import Injector
from data_synthesis.trajectories.runs.interface import Situation, Turn
from data_synthesis.trajectories.runs.loop import RunSettings, play
from data_synthesis.trajectories.runs.mcp_backend import McpBackend
from data_synthesis.trajectories.runs.server_agent import ServerAgent
from data_synthesis.trajectories.servers import ServerTable

RUNS, AT_ONCE = 640, 64
EPISODES, FRESH_EPISODES, SERVERS = 400, 40, 4
INSTALLED = Path(".mcp/servers.jsonl")


@dataclass(frozen=True)
class Load:
    """What a way of asking took, and the server's report."""

    wall_s: float
    cpu_s: float
    others_s: float
    report: dict[str, float]

    @property
    def ms_per_call(self) -> float:
        return 1000 * self.cpu_s / self.report["requests"]


def measure() -> list[Figure]:
    return [*emulated(), *real()]


def emulated() -> list[Figure]:
    runs = loaded(play_all)
    prompts = [f"Question {n}" for n in range(int(runs.report["requests"]))]
    bare = loaded(lambda url: asyncio.run(ask_all(prompts, url)))
    busy, cores = runs.report["busy"], runs.wall_s * (os.cpu_count() or 1)
    ideal = runs.report["requests"] * LATENCY_S / SLOTS
    return [
        Figure("slots busy", busy, "share", bar="at least 0.85", met=busy >= 0.85),
        Figure("slots busy, bare client", bare.report["busy"], "share"),
        Figure("slots busy, how many times", busy / bare.report["busy"], "x", "bare client"),
        Figure("client CPU", runs.ms_per_call, "ms a call"),
        Figure("client CPU, bare client", bare.ms_per_call, "ms a call"),
        Figure("wall clock", runs.wall_s, "s", f"{ideal:.1f} s with every slot busy"),
        Figure("calls", runs.report["requests"], "calls"),
        Figure("CPU of other processes", runs.others_s / cores, "share", f"{os.cpu_count()} cores"),
    ]


def loaded(work: Callable[[str], Any]) -> Load:
    with serving({}) as url:
        machine, tree, wall, cpu = machine_seconds(), _family(), time.perf_counter(), time.process_time()
        work(url)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        machine, tree = machine_seconds() - machine, _family() - tree
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/load", timeout=10) as response:
            report = json.load(response)
    return Load(wall, cpu, machine - tree, report)


def _family() -> float:
    return tree_seconds(os.getpid())


def play_all(url: str) -> None:
    """The `run` step on as many tasks of one emulated server. No call fails on purpose: that asks for nothing."""
    text = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    tools = [
        ServerTool(name=f"look_{what}", description=f"Looks for {what}.", parameters=text) for what in "ab"
    ]
    server = ToolServer(title="Library", description="A library.", tools=tools)
    tasks = [Task(query=f"Find book {n}.", server_id=server.id, target_tools=["look_a"]) for n in range(RUNS)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        write_records(out / "servers.jsonl", [server])
        (out / "steps").mkdir()
        write_records(out / "steps" / "distinct.jsonl", tasks)
        policy = Policy(concurrency=AT_ONCE)
        make = partial(_company, url, out)
        synthesise_trajectories(make, out, from_step="run", to_step="run", policy=policy)
        played = list(read_records(out / "steps" / "run.jsonl", AgentRun))
    assert len(played) == RUNS
    assert all(len(run.events) == 3 for run in played)


def _company(url: str, out: Path) -> Company:
    settings = ServerSettings(MODEL, (url,), concurrency=AT_ONCE, most_concurrency=AT_ONCE)
    teacher = ServerTeacher(settings, out / "teacher.sqlite")
    agent = ServerAgent(settings, out / "agent.sqlite")
    backends = Backends(teacher, LocalSandbox(), SessionPool(30.0), Injector(rate=0.0))
    return Company(
        Cast(teacher, teacher, agent, teacher, teacher), backends, ServerTable(out / "servers.jsonl")
    )


class Scripted:
    """Remembers somebody, looks for them, reads everything."""

    name = "scripted"

    async def turn(self, situation: Situation) -> Turn:
        said = sum(message.role == "assistant" for message in situation.messages)
        person = {"name": situation.task.query, "entityType": "person", "observations": ["sings"]}
        script = [
            ("create_entities", {"entities": [person]}),
            ("search_nodes", {"query": situation.task.query}),
            ("read_graph", {}),
        ]
        return Turn("Next.", calls=[ParsedCall("", *script[said])]) if said < len(script) else Turn("Done.")

    def usage(self) -> dict[str, Any]:
        return {}

    async def close(self) -> None:
        """Nothing is open."""


def real() -> list[Figure]:
    if not INSTALLED.exists():
        print(f"{INSTALLED} is not there, so no real server is measured: run `make mcp-servers` first")
        return []
    found = [live for live in read_records(INSTALLED, LiveServer) if live.title == "Memory"]
    if not found:
        print("the memory server is not installed, as it wants npm")
        return []
    again = episodes_per_second(found[0].reach, EPISODES)
    fresh = episodes_per_second(found[0].reach.model_copy(update={"reset": "process"}), FRESH_EPISODES)
    return [
        Figure("real episodes", again, "a second", bar="at least 20", met=again >= 20),
        Figure("real episodes, a process each", fresh, "a second"),
        Figure("real episodes, how many times", again / fresh, "x", "a process each"),
    ]


def episodes_per_second(reach: Reach, count: int) -> float:
    names = ("create_entities", "search_nodes", "read_graph")
    tools = [ServerTool(name=name, description=name, parameters={"type": "object"}) for name in names]
    server = ToolServer(title="Memory", tools=tools, reach=reach)
    started = time.perf_counter()
    runs = asyncio.run(_played(server, count))
    seconds = time.perf_counter() - started
    assert all(run.status == "finished" for run in runs)
    assert all([change.name for change in run.state] == ["memory.jsonl"] for run in runs)
    assert all(
        "Harbour Choir" in run.events[2].output and run.task.query in run.events[2].output for run in runs
    )
    return count / seconds


async def _played(server: ToolServer, count: int) -> Sequence[AgentRun]:
    pool = SessionPool(30.0, SERVERS)

    async def one(number: int) -> AgentRun:
        async with pool.room():
            task = Task(query=f"Person {number}")
            return await play(task, server, Scripted(), McpBackend(server, pool, 30.0), RunSettings())

    try:
        return await asyncio.gather(*map(one, range(count)))
    finally:
        await pool.close()


if __name__ == "__main__":
    main("agent runs: a server kept busy, and real servers", measure)
