"""The runner: feeds records to a stage and settles each exactly once."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from data_synthesis.pipeline.journal import Journal, Outcome, PipelineError
from data_synthesis.pipeline.progress import Tick, shown, silent
from data_synthesis.pipeline.results import duplicate, output_path, write_results
from data_synthesis.pipeline.stage import Rejected, Stage
from data_synthesis.pipeline.summary import Funnel, StageSummary
from data_synthesis.records import Record, read_records
from data_synthesis.sandbox.interface import SandboxUnavailable
from data_synthesis.teacher.interface import TeacherError, TeacherGone


@dataclass(frozen=True)
class Failure:
    """How an error class is named in the rejects, and how often a record is tried again after it."""

    reason: str
    retries: int = 0


FAILURES: Mapping[type[Exception], Failure] = {
    TeacherError: Failure("teacher_error", retries=1),
    SandboxUnavailable: Failure("sandbox_unavailable", retries=2),
    TimeoutError: Failure("deadline"),
}


@dataclass(frozen=True)
class Policy:
    """How a stage is run.

    Args:
        concurrency: records in work at once.
        deadline: seconds for one try of one record.
        backoff: seconds before the first retry; doubles with each.
        failures: error class -> how to treat it. Any other error fails that record alone, without a retry.
    """

    concurrency: int = 8
    deadline: float = 600.0
    backoff: float = 0.5
    failures: Mapping[type[Exception], Failure] = field(default_factory=lambda: FAILURES)


async def run_stages(
    stages: Sequence[Stage[Any]],
    inputs: Iterable[Record],
    out_dir: Path,
    *,
    policy: Policy = Policy(),
    console: Console | None = None,
) -> Funnel:
    """Runs each stage on what the one before it put out; shows its progress on `console`. See `run_stage`."""
    funnel = Funnel()
    total = len(inputs) if isinstance(inputs, Sized) else None
    for i, stage in enumerate(stages):
        if i > 0:
            inputs, total = (
                read_records(output_path(out_dir, stages[i - 1].name), stage.takes),
                funnel.outputs,
            )
        with shown(stage.name, total, console) as tick:
            funnel.stages.append(await run_stage(stage, inputs, out_dir, policy=policy, tick=tick))
    return funnel


async def run_stage(
    stage: Stage[Any],
    inputs: Iterable[Record],
    out_dir: Path,
    *,
    policy: Policy = Policy(),
    tick: Tick = silent,
) -> StageSummary:
    """Settles every input and writes `STAGE.jsonl` and `STAGE.rejects.jsonl`, both in input order.

    `STAGE.journal.jsonl` keeps what is settled while the stage runs: killed at any moment and run again, the
    stage goes on, repeats no finished input, and ends with the same bytes as an uninterrupted run. Inputs
    that failed (no verdict) are tried again; a second input with the id of an earlier one is rejected.

    Raises:
        PipelineError: the folder belongs to other settings or another run, or cannot be written.
    """
    order: list[str] = []
    with Journal(out_dir / f"{stage.name}.journal.jsonl", stage) as journal:
        await _drain(_unsettled(inputs, journal, order, tick), stage, policy, journal, tick)
        return write_results(stage.name, order, journal, out_dir)


def _unsettled(inputs: Iterable[Record], journal: Journal, order: list[str], tick: Tick) -> Iterator[Record]:
    seen: set[str] = set()
    for record in inputs:
        order.append(record.id)
        if record.id in seen:
            tick(duplicate(record.id))
        elif journal.is_final(record.id):
            tick(journal.read(record.id))
        else:
            yield record
        seen.add(record.id)


async def _drain(
    inputs: Iterator[Record], stage: Stage[Any], policy: Policy, journal: Journal, tick: Tick
) -> None:
    async def worker() -> None:
        for record in inputs:  # one iterator for all workers: each record is taken once, when it is needed
            outcome = await _settle(record, stage, policy)
            journal.append(outcome)
            tick(outcome)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(policy.concurrency):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _settle(record: Record, stage: Stage[Any], policy: Policy) -> Outcome:
    attempt = 0
    while True:
        try:
            async with asyncio.timeout(policy.deadline):
                outputs = await stage.run(record)
            dumped = [output.model_dump(mode="json") for output in outputs]
            return Outcome(input_id=record.id, status="done", outputs=dumped)
        except Rejected as no:
            return Outcome(input_id=record.id, status="rejected", reason=no.reason, detail=no.detail)
        except TeacherGone as gone:
            raise PipelineError(str(gone)) from gone
        except Exception as error:  # one record's trouble must not end the run; the rejects file names it
            failure = next((f for kind, f in policy.failures.items() if isinstance(error, kind)), None)
            if failure is None or attempt >= failure.retries:
                return _failed(record.id, error, failure, policy)
            await asyncio.sleep(policy.backoff * 2**attempt)
            attempt += 1


def _failed(input_id: str, error: Exception, failure: Failure | None, policy: Policy) -> Outcome:
    if failure is None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        reason, detail = "unexpected_error", f"{type(error).__name__}: {error} ({where})"
    else:
        reason, detail = failure.reason, str(error) or f"not settled within {policy.deadline:g} s"
    return Outcome(input_id=input_id, status="failed", reason=reason, detail=detail)
