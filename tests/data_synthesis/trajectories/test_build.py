import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from small_servers import shop

from data_synthesis.mcp import SessionPool
from data_synthesis.pipeline import PipelineError, Policy
from data_synthesis.records import AgentRun, Task, ToolServer, Trajectory, read_records, write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.build import STEPS, Company, Settings, synthesise_trajectories
from data_synthesis.trajectories.cast import Cast
from data_synthesis.trajectories.rehearsal import Rehearsals, RehearsedAgent, RehearsedTeacher
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.failures import Injector
from data_synthesis.trajectories.servers import ServerTable

FAST = Policy(concurrency=4, backoff=0.0)


def servers() -> list[ToolServer]:
    english = shop()
    chinese = english.model_copy(
        update={"title": "小店", "description": "一家小商店的订单和退款。", "id": ""}
    )
    return [english, ToolServer.model_validate(chinese.model_dump(exclude={"id"}))]


def company(path: Path, agent=None, rate=0.2) -> Company:
    rehearsals = Rehearsals()
    teacher = RehearsedTeacher(rehearsals)
    cast = Cast(teacher, teacher, agent or RehearsedAgent(rehearsals), teacher, teacher)
    return Company(
        cast, Backends(teacher, LocalSandbox(), SessionPool(10.0), Injector(rate)), ServerTable(path)
    )


def synthesised(out: Path, **options):
    path = out / "servers.jsonl"
    if not path.exists():
        write_records(path, servers())
    agent, rate = options.pop("agent", None), options.pop("rate", 0.2)
    make = partial(company, path, agent, rate)
    return synthesise_trajectories(make, out, policy=FAST, **options)


def files(out: Path) -> dict[str, bytes]:
    parts = sorted([*out.glob("*.jsonl"), *out.glob("steps/*.jsonl")])
    return {str(p.relative_to(out)): p.read_bytes() for p in parts if "journal" not in p.name}


def test_servers_become_rows_without_a_model_and_every_loss_has_a_reason(tmp_path):
    funnel = synthesised(tmp_path)
    assert [summary.stage for summary in funnel.stages] == list(STEPS)
    rows = list(read_records(tmp_path / "rows.jsonl", AgentRun))
    assert len(rows) == funnel.outputs > 5
    assert list(read_records(tmp_path / "rows.jsonl", Trajectory))
    assert {row.task.language for row in rows} == {"en", "zh"}
    assert {row.task.augmentation for row in rows} == {None, "diverse", "complicate", "persona"}
    for row in rows:
        assert row.status == "finished"
        assert row.scores["overall"] >= 0.7
        assert row.provenance.teacher == "rehearsed"
    injected = [event.injected for row in rows for event in row.events if event.injected]
    assert injected
    lost = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert all(each["reason"] for each in lost)
    assert len(lost) == sum(sum(s.rejected.values()) + sum(s.failed.values()) for s in funnel.stages)


def test_the_same_seed_gives_the_same_bytes_in_one_go_or_step_by_step(tmp_path):
    synthesised(tmp_path / "a")
    for step in STEPS:
        synthesised(tmp_path / "b", from_step=step, to_step=step)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    synthesised(tmp_path / "a")
    assert files(tmp_path / "a") == files(tmp_path / "b")


class Down:
    """An agent that is down for as long as it is told."""

    name = "rehearsed"
    down = True

    def __init__(self):
        self.agent = RehearsedAgent(Rehearsals())

    async def turn(self, situation):
        if self.down:
            raise TeacherError("the server is down")
        return await self.agent.turn(situation)

    async def close(self): ...


def test_a_run_that_breaks_is_kept_tried_again_by_id_and_never_a_row(tmp_path):
    agent = Down()
    funnel = synthesised(tmp_path, agent=agent)
    assert funnel.outputs == 0
    ran = next(s for s in funnel.stages if s.stage == "run")
    assert ran.failed == {"agent_failed": ran.inputs}
    lost = [json.loads(line) for line in (tmp_path / "steps" / "run.rejects.jsonl").read_text().splitlines()]
    kept = [AgentRun.model_validate(each["kept"]) for each in lost]
    assert all(run.status == "broken" and run.outcome == "agent_failed" for run in kept)
    agent.down = False
    assert synthesised(tmp_path, agent=agent).outputs > 5
    tasks = [task.id for task in read_records(tmp_path / "steps" / "distinct.jsonl", Task)]
    assert [run.task.id for run in kept] == tasks


def test_near_duplicates_are_rejected_with_what_they_repeat(tmp_path):
    funnel = synthesised(tmp_path, settings=Settings(near_duplicate=0.3))
    step = next(s for s in funnel.stages if s.stage == "distinct")
    assert step.rejected["near_duplicate"] > 0
    assert step.inputs == step.outputs + step.rejected["near_duplicate"]


def test_a_step_needs_what_the_one_before_it_leaves(tmp_path):
    with pytest.raises(PipelineError, match="run step distinct first"):
        synthesised(tmp_path, from_step="run")
    with pytest.raises(PipelineError, match="no step 'walks'"):
        synthesised(tmp_path, from_step="walks")


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="attempts"):
        Settings(attempts=0)
    with pytest.raises(ValueError, match="near_duplicate"):
        Settings(near_duplicate=0)


class JudgeDown(RehearsedTeacher):
    """Answers nothing about runs for as long as it is told."""

    down = True

    async def ask(self, prompt):
        if self.down and prompt.name.startswith("judge_"):
            raise TeacherError("the server is down")
        return await super().ask(prompt)


def test_a_judge_that_was_down_is_asked_again_by_the_next_call(tmp_path):
    judge = JudgeDown(Rehearsals())

    def make():
        made = company(tmp_path / "servers.jsonl")
        return replace(made, cast=replace(made.cast, judge=judge))

    write_records(tmp_path / "servers.jsonl", servers())
    funnel = synthesise_trajectories(make, tmp_path, policy=FAST)
    judged = next(s for s in funnel.stages if s.stage == "judge")
    assert funnel.outputs == 0
    assert judged.failed == {"null_score": judged.inputs}
    lost = [
        json.loads(line) for line in (tmp_path / "steps" / "judge.rejects.jsonl").read_text().splitlines()
    ]
    assert all(each["kept"]["scores"]["overall"] is None for each in lost)
    judge.down = False
    assert synthesise_trajectories(make, tmp_path, policy=FAST).outputs > 5
