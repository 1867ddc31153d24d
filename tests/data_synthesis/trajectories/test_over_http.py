"""The steps with every role behind a server: two models on two servers make the rows that a rehearsal makes."""

import asyncio
import json
import threading
from contextlib import ExitStack
from functools import partial

import pytest
from scripted_server import Server, says
from test_build import FAST, servers

from data_synthesis.mcp import SessionPool
from data_synthesis.records import AgentRun, Task, read_records, write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.server import ServerSettings
from data_synthesis.teacher.server.teacher import _seed
from data_synthesis.trajectories.build import Company, synthesise_trajectories
from data_synthesis.trajectories.cast import Cast
from data_synthesis.trajectories.rehearsal import Rehearsals, RehearsedAgent, RehearsedTeacher
from data_synthesis.trajectories.rows.messages import from_chat
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.interface import Situation
from data_synthesis.trajectories.runs.server_agent import ServerAgent
from data_synthesis.trajectories.servers import ServerTable


class Recorder(RehearsedTeacher):
    """Remembers the words of each question, and the seed that tells samples apart, beside its answer."""

    def __init__(self, book):
        super().__init__(Rehearsals())
        self.book = book

    async def ask(self, prompt):
        reply = await super().ask(prompt)
        self.book[prompt.text(), _seed(prompt)] = reply.model_dump_json()
        return reply


def agents_turn(body):
    """What the rehearsed agent says to a request as it came over HTTP."""
    seen = from_chat(body)
    query = next(message.content for message in seen.messages if message.role == "user")
    task = Task(query=query, language="zh" if "请" in query else "en")
    situation = Situation(task, seen.messages, seen.tools)
    turn = asyncio.run(RehearsedAgent(Rehearsals()).turn(situation))
    calls = [
        {"id": "x", "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
        for c in turn.calls
    ]
    return turn.content, {"tool_calls": calls} if calls else {}


@pytest.fixture
def two():
    """Two servers, of the models `small` and `large`; `asked` is which prompts each got, by its name."""
    with ExitStack() as stack:
        both = [stack.enter_context(Server()) for _ in range(2)]
        for server, model in zip(both, ("small", "large"), strict=True):
            server.model = model
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield both
        for server in both:
            server.over.set()
            server.shutdown()


def company(path, players):
    roles = ("proposer", "writer", "agent", "emulator", "judge")
    cast = Cast(**{role: players[role] for role in roles})
    return Company(cast, Backends(cast.emulator, LocalSandbox(), SessionPool(10.0)), ServerTable(path))


def conversations(out):
    runs = read_records(out / "rows.jsonl", AgentRun)
    return [(run.task.query, run.messages, run.events, run.scores) for run in runs]


def test_each_role_may_be_another_model_on_another_server(two, tmp_path):
    book: dict[tuple[str, int], str] = {}
    path = tmp_path / "servers.jsonl"
    write_records(path, servers())
    recorder = Recorder(book)
    rehearsed = dict.fromkeys(("proposer", "writer", "emulator", "judge"), recorder)
    rehearsed["agent"] = RehearsedAgent(Rehearsals())
    synthesise_trajectories(partial(company, path, rehearsed), tmp_path / "rehearsed", policy=FAST)

    def answer(handler):
        if "tools" in handler.body:
            content, more = agents_turn(handler.body)
            says(content, **more)(handler)
        else:
            asked = handler.body["messages"][0]["content"], handler.body["seed"]
            says(book.get(asked, "I do not know."))(handler)

    for server in two:
        server.script[:] = [answer]
    small, large = (
        ServerAgent(ServerSettings(server.model, (server.url,)), tmp_path / f"{server.model}.sqlite")
        for server in two
    )
    served = {"proposer": large, "writer": small, "agent": small, "emulator": small, "judge": large}
    synthesise_trajectories(partial(company, path, served), tmp_path / "served", policy=FAST)

    assert len(conversations(tmp_path / "served")) > 5
    assert conversations(tmp_path / "served") == conversations(tmp_path / "rehearsed")
    runs = list(read_records(tmp_path / "served" / "rows.jsonl", AgentRun))
    assert {(run.provenance.teacher, run.judge) for run in runs} == {("small", "large")}
    assert {body["model"] for body in two[0].bodies} == {"small"}
    assert {body["model"] for body in two[1].bodies} == {"large"}
    assert {name.split("_")[0] for name in large.usage()} == {"propose", "vote", "chain", "request", "judge"}
    assert {"write_task", "emulate_tool", "agent_turn"} <= set(small.usage())
    assert sum(counts["refused"] for each in (small, large) for counts in each.usage().values()) == 0
