"""Agent, emulator and judge behind a real SGLang, with a model too weak for the work: every end is typed."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest
from real_server import INSTALLED, MODEL, serving
from small_servers import shop

from data_synthesis.mcp import SessionPool
from data_synthesis.pipeline import Policy
from data_synthesis.records import AgentRun, Message, Task, read_records, write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.teacher.server import ServerSettings
from data_synthesis.trajectories.build import STEPS, Company, Settings, synthesise_trajectories
from data_synthesis.trajectories.cast import Cast
from data_synthesis.trajectories.rehearsal import Rehearsals, RehearsedTeacher
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.interface import Situation, Turn
from data_synthesis.trajectories.runs.loop import RunSettings
from data_synthesis.trajectories.runs.server_agent import ServerAgent
from data_synthesis.trajectories.servers import ServerTable
from data_synthesis.trajectories.tasks import PlanSettings

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not INSTALLED, reason="SGLang is not installed: `make sglang-cpu`"),
]


@pytest.fixture(scope="module")
def sglang(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sglang") / "server.log") as server:
        yield server


def agent_of(sglang, ledger) -> ServerAgent:
    settings = ServerSettings(MODEL, (sglang.url,), max_tokens=120, attempts=1, deadline_s=300.0)
    return ServerAgent(settings, ledger)


def test_a_turn_with_tools_is_a_turn_and_is_kept(sglang, tmp_path):
    server = shop()
    task = Task(query="Find the order of Ann with the tool find_order.", server_id=server.id)
    situation = Situation(task, [Message(role="user", content=task.query)], server.tools)

    async def ask() -> Turn | TeacherError:
        agent = agent_of(sglang, tmp_path / "agent.sqlite")
        try:
            return await agent.turn(situation)
        except TeacherError as error:
            return error
        finally:
            await agent.close()

    first = asyncio.run(ask())
    if isinstance(first, Turn):
        assert first.content or first.calls
        assert asyncio.run(ask()) == first
    else:
        assert "agent_turn" in str(first)


def company(sglang, folder) -> Company:
    model, rehearsed = agent_of(sglang, folder / "model.sqlite"), RehearsedTeacher(Rehearsals())
    backends = Backends(model, LocalSandbox(), SessionPool(10.0))
    return Company(
        Cast(rehearsed, rehearsed, model, model, model), backends, ServerTable(folder / "servers.jsonl")
    )


def test_a_weak_model_ends_with_a_funnel_and_every_run_with_a_reason(sglang, tmp_path):
    write_records(tmp_path / "servers.jsonl", [shop()])
    settings = Settings(
        attempts=1,
        plan=PlanSettings(samples=1, open_tools=(2,), augmentations=()),
        run=RunSettings(model_calls=3, deadline_s=300.0),
    )
    make = partial(company, sglang, tmp_path)
    funnel = synthesise_trajectories(make, tmp_path, settings=settings, policy=Policy(concurrency=8))
    assert [summary.stage for summary in funnel.stages] == list(STEPS)
    assert next(summary for summary in funnel.stages if summary.stage == "run").inputs >= 2
    ends = Counter(reason for s in funnel.stages for reason in [*s.rejected, *s.failed])
    assert sum(ends.values()) + funnel.outputs > 0
    for run in read_records(tmp_path / "steps" / "judge.jsonl", AgentRun):
        assert run.status == "finished"
        assert all(score is None or 0 <= score <= 1 for score in run.scores.values())
