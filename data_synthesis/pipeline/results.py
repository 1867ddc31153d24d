"""What a stage leaves behind when every input is settled: two files in input order, and the counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from data_synthesis.pipeline.journal import Journal, Outcome, PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.summary import StageSummary
from data_synthesis.whole_file import whole_file


def output_path(out_dir: Path, stage: str) -> Path:
    return out_dir / f"{stage}.jsonl"


def rejects_path(out_dir: Path, stage: str) -> Path:
    return out_dir / f"{stage}.rejects.jsonl"


def duplicate(input_id: str) -> Outcome:
    """The outcome of a second input with an id that came before."""
    return Outcome(input_id=input_id, status="rejected", reason="duplicate_input")


def write_results(stage: str, order: Sequence[str], journal: Journal, out_dir: Path) -> StageSummary:
    """Writes `STAGE.jsonl` and `STAGE.rejects.jsonl` for the inputs in `order`, and counts them."""
    summary = StageSummary(stage=stage, inputs=len(order))
    reasons: dict[str, Counter[str]] = {"rejected": Counter(), "failed": Counter()}
    with replacing(output_path(out_dir, stage)) as out, replacing(rejects_path(out_dir, stage)) as rejects:
        for outcome in _outcomes(order, journal):
            if outcome.status == "done":
                summary.outputs += len(outcome.outputs)
                out.writelines(json_line(output) for output in outcome.outputs)
            else:
                reasons[outcome.status][outcome.reason] += 1
                rejects.write(json_line({"stage": stage, **_without_outputs(outcome)}))
    summary.rejected = dict(sorted(reasons["rejected"].items()))
    summary.failed = dict(sorted(reasons["failed"].items()))
    return summary


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Opens a temporary file that takes the place of `path` when it is complete.

    Raises:
        PipelineError: it cannot be written.
    """
    try:
        with whole_file(path) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())  # a power cut must not leave an empty file in its place
    except OSError as error:
        raise PipelineError(f"cannot write {path}: {error.strerror}") from error


def _without_outputs(outcome: Outcome) -> dict[str, Any]:
    return outcome.model_dump(exclude={"outputs"} if outcome.kept else {"outputs", "kept"})


def _outcomes(order: Sequence[str], journal: Journal) -> Iterator[Outcome]:
    seen: set[str] = set()
    for input_id in order:
        yield duplicate(input_id) if input_id in seen else journal.read(input_id)
        seen.add(input_id)
