"""A second opinion on runs that were judged: by another judge, or by the same one asked again."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from data_synthesis.pipeline import Policy, Stage, run_stages
from data_synthesis.pipeline.results import output_path, rejects_path
from data_synthesis.pipeline.steps import one
from data_synthesis.records import AgentRun, read_records
from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.judge.accept import whole
from data_synthesis.trajectories.judge.agreement import Agreement, agreement, table
from data_synthesis.trajectories.judge.judge import judge
from data_synthesis.trajectories.judge.settings import JudgeSettings

_STEP = "second"


def second_opinions(
    judged: Path,
    make_teacher: Callable[[], Teacher],
    out_dir: Path,
    *,
    count: int,
    seed: int = 0,
    settings: JudgeSettings,
    asked_with: Any = None,
    policy: Policy,
    console: Console | None = None,
) -> dict[str, Agreement]:
    """Judges a sample of `judged` again and measures how far the two judgements agree; called again, it goes on.

    Writes the second judgements to `out_dir/second.jsonl`, those with nulls to its rejects, which the next call tries
    again, and the measures to `out_dir/agreement.json`.

    Args:
        judged: JSONL of judged runs.
        count: runs of the sample, at most as many as there are.
        settings: another `sample` than the first judgement's where the judge is the same.
        asked_with: what the judge's answers depend on beside the prompt, such as its temperature.

    Raises:
        BadRecord: a line is no run.
        OSError: a file cannot be read or written.
        PipelineError: the judge cannot be asked any more; what was judged is kept.
    """
    first = _sampled(list(read_records(judged, AgentRun)), count, seed)
    teacher = make_teacher()

    async def again(run: AgentRun) -> AgentRun:
        return whole(await judge(run, teacher, settings))

    async def run() -> None:
        how = {"judge": [teacher.name, asked_with], **asdict(settings)}
        try:
            stage = Stage(_STEP, AgentRun, one(again), how)
            await run_stages([stage], first, out_dir, policy=policy, console=console)
        finally:
            await teacher.close()

    asyncio.run(run())
    by_parent = {parent: second for second in _seconds(out_dir) for parent in second.provenance.parents}
    found = agreement((each, by_parent[each.id]) for each in first if each.id in by_parent)
    measures = {name: asdict(each) for name, each in found.items()}
    (out_dir / "agreement.json").write_text(json.dumps(measures, indent=1) + "\n", encoding="utf-8")
    if console:
        console.print(table(found))
    return found


def _sampled(runs: Sequence[AgentRun], count: int, seed: int) -> list[AgentRun]:
    """In the order of the file."""
    chosen = random.Random(seed).sample(range(len(runs)), min(count, len(runs)))
    return [runs[i] for i in sorted(chosen)]


def _seconds(out_dir: Path) -> Iterator[AgentRun]:
    """Those with nulls too: they count as such."""
    yield from read_records(output_path(out_dir, _STEP), AgentRun)
    with rejects_path(out_dir, _STEP).open(encoding="utf-8") as lines:
        kept = (json.loads(line).get("kept") for line in lines)
        yield from (AgentRun.model_validate(each) for each in kept if each)
