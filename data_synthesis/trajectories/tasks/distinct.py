"""Requests that nearly repeat an earlier one: all are looked at together, in the order of the file."""

from __future__ import annotations

from pathlib import Path

from data_synthesis.pipeline.journal import Outcome
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import output_path, rejects_path, replacing
from data_synthesis.pipeline.summary import StageSummary
from data_synthesis.records import Task, read_records
from data_synthesis.selection.near_duplicates import by_shingles

STEP = "distinct"
REASON = "near_duplicate"


def distinct(before: str, folder: Path, threshold: float) -> StageSummary:
    """Writes the tasks of step `before` that are like none before them, and the rejects, as a stage would.

    Args:
        threshold: Jaccard similarity of the requests' shingles from which on they count as one, in (0, 1].

    Raises:
        BadThreshold, PipelineError, BadRecord
    """
    tasks = list(read_records(output_path(folder, before), Task))
    kept: list[Task] = []
    lost: list[Outcome] = []
    for task, twin in zip(tasks, by_shingles((task.query for task in tasks), threshold), strict=True):
        if twin is None:
            kept.append(task)
        else:
            detail = f"{twin.similarity:.2f} like task {tasks[twin.position].id}"
            lost.append(Outcome(input_id=task.id, status="rejected", reason=REASON, detail=detail))
    with replacing(output_path(folder, STEP)) as out:
        out.writelines(json_line(task.model_dump(mode="json")) for task in kept)
    with replacing(rejects_path(folder, STEP)) as out:
        out.writelines(
            json_line({"stage": STEP, **outcome.model_dump(exclude={"outputs", "kept"})}) for outcome in lost
        )
    rejected = {REASON: len(lost)} if lost else {}
    return StageSummary(stage=STEP, inputs=len(tasks), outputs=len(kept), rejected=rejected)
