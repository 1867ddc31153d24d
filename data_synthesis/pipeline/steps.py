"""A pipeline as named steps in one folder: which of them run, where they begin, and the counts of all so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from data_synthesis.pipeline.journal import PipelineError
from data_synthesis.pipeline.results import output_path, replacing
from data_synthesis.pipeline.stage import Stage
from data_synthesis.pipeline.summary import Funnel
from data_synthesis.records import Record, read_records


def one(step: Callable[[Any], Awaitable[Record]]) -> Callable[[Any], Awaitable[Sequence[Record]]]:
    """A step that gives one record, as a stage runs it."""

    async def run(record: Record) -> Sequence[Record]:
        return [await step(record)]

    return run


def between(steps: Sequence[str], first: str, last: str) -> Sequence[str]:
    """
    Raises:
        PipelineError: there is no such step, or none between them.
    """
    for step in (first, last):
        if step not in steps:
            raise PipelineError(f"there is no step {step!r}; the steps are {', '.join(steps)}")
    if steps.index(first) > steps.index(last):
        raise PipelineError(f"step {first} comes after {last}, so there is nothing to run")
    return steps[steps.index(first) : steps.index(last) + 1]


def outputs_before(stage: Stage[Any], steps: Sequence[str], folder: Path) -> Iterable[Record]:
    """What the step before `stage` left in `folder`.

    Raises:
        PipelineError: nothing.
    """
    before = steps[steps.index(stage.name) - 1]
    path = output_path(folder, before)
    if not path.exists():
        raise PipelineError(
            f"step {stage.name} starts from {path}, which is not there; run step {before} first"
        )
    return read_records(path, stage.takes)


def whole_funnel(path: Path, steps: Sequence[str], ran: Funnel) -> Funnel:
    """`ran`, with the counts of steps that an earlier run left in the same folder. Written to `path`."""
    earlier = Funnel.model_validate_json(path.read_text()).stages if path.exists() else []
    by_step = {summary.stage: summary for summary in (*earlier, *ran.stages)}
    funnel = Funnel(stages=[by_step[step] for step in steps if step in by_step])
    with replacing(path) as out:
        out.write(funnel.model_dump_json(indent=1) + "\n")
    return funnel


def concatenate(parts: Iterable[Path], path: Path) -> None:
    """The lines of those `parts` that exist."""
    with replacing(path) as out:
        for part in parts:
            out.write(part.read_text(encoding="utf-8") if part.exists() else "")
