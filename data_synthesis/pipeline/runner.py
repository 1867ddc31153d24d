"""The runner: carries records through stages, settles each exactly once, and leaves files in input order."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from data_synthesis.pipeline.agenda import Agenda
from data_synthesis.pipeline.execution import Executor, execute_here
from data_synthesis.pipeline.journal import Journal
from data_synthesis.pipeline.progress import shown
from data_synthesis.pipeline.results import output_path, write_results
from data_synthesis.pipeline.settling import POLICY, Policy
from data_synthesis.pipeline.stage import Stage
from data_synthesis.pipeline.summary import Funnel, StageSummary
from data_synthesis.records import Record


async def run_stages(
    stages: Sequence[Stage[Any]],
    inputs: Iterable[Record],
    out_dir: Path,
    *,
    policy: Policy = POLICY,
    console: Console | None = None,
    executor: Executor = execute_here,
) -> Funnel:
    """Carries every input through the stages, and writes `STAGE.jsonl` and `STAGE.rejects.jsonl` for each.

    A record goes on to the next stage as soon as it has left the one before; records that have begun go before
    new ones. The files are written when everything is settled, outputs in the order of inputs.

    `STAGE.journal.jsonl` keeps what is settled meanwhile: killed at any moment and run again, the stages go on,
    repeat no finished record, and end with the same bytes as an uninterrupted run. Inputs that failed (no
    verdict) are tried again; of inputs with one id all but the first are rejected.

    Args:
        inputs: read as they are needed, never held.
        console: shows a bar for each stage.
        executor: where the work is done.

    Raises:
        PipelineError: the folder belongs to other settings or another run, or cannot be written.
    """
    total = len(inputs) if isinstance(inputs, Sized) else None
    with ExitStack() as opened:
        journals = [
            opened.enter_context(Journal(out_dir / f"{stage.name}.journal.jsonl", stage)) for stage in stages
        ]
        with shown([stage.name for stage in stages], total, console) as ticks:
            agenda = Agenda(journals, (record.model_dump(mode="json") for record in inputs), ticks)
            await executor(agenda, stages, policy)
        execute = partial(executor, policy=policy)
        return await _write_all(stages, journals, agenda.order, out_dir, execute)


async def run_stage(
    stage: Stage[Any], inputs: Iterable[Record], out_dir: Path, *, policy: Policy = POLICY
) -> StageSummary:
    """`run_stages` for one stage."""
    return (await run_stages([stage], inputs, out_dir, policy=policy)).stages[0]


async def _write_all(
    stages: Sequence[Stage[Any]],
    journals: Sequence[Journal],
    order: Sequence[str],
    out_dir: Path,
    execute: Callable[[Agenda, Sequence[Stage[Any]]], Awaitable[None]],
) -> Funnel:
    """Writes the files of each stage, the order of whose inputs is known once those of the stage before it stand.

    Where the first of several inputs with one id was not the first to arrive, and differs in what no id covers,
    such as its provenance, the stage runs once more on the one whose turn it is.
    """
    funnel = Funnel()
    for stage, journal in zip(stages, journals, strict=True):
        if funnel.stages:
            before = output_path(out_dir, funnel.stages[-1].stage)
            agenda = Agenda([journal], _lines(before))
            await execute(agenda, [stage])
            order = agenda.order
        funnel.stages.append(write_results(stage.name, order, journal, out_dir))
    return funnel


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as lines:
        yield from map(json.loads, lines)
