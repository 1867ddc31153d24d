"""Lets records that others made enter our pipeline at the step where theirs left off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from data_synthesis.environments import STEPS, graph
from data_synthesis.environments.necessity import check_necessity
from data_synthesis.interop.files import Read, is_arena, read_any
from data_synthesis.interop.refusals import Refusals
from data_synthesis.pipeline import Funnel, PipelineError, Rejected, StageSummary
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import output_path, rejects_path, replacing
from data_synthesis.records import BadRecord, Decomposition, Record

_OF_ARENAS = ("merge", "prove")


def enter_pipeline(
    path: str | Path, out_dir: str | Path, step: str, *, console: Console | None = None
) -> int:
    """Puts the records of `path`, which is whatever `read_any` reads, where `synthesise_arenas(from_step=step)` begins.

    They become the outputs of the step before, `out_dir/steps/STEP.jsonl`, beside its rejects; `funnel.json` counts
    both. Doing so again with the same file changes nothing, so that a killed run goes on.

    Args:
        step: `necessity`, `verify`, `cut` and `synthesise` take decompositions, `merge` and `prove` arenas. From
            `verify` on all sub-questions must be judged, and our rule for them must hold.

    Returns:
        The number of records that enter.

    Raises:
        PipelineError: nothing can enter, there is no such step, or `out_dir` is another run's.
        BadRecord: the file is of no known kind.
        OSError: no such file.
    """
    if step not in STEPS[1:]:
        raise PipelineError(f"records cannot enter at {step!r}; the steps are {', '.join(STEPS[1:])}")
    refusals = Refusals()
    check = is_arena if step in _OF_ARENAS else _is_decomposition if step == "necessity" else _is_judged
    entering = list(read_any(path, check=check, rejects=refusals.unread))
    if console:
        refusals.show(console)
    if not entering:
        raise PipelineError(f"no record of {path} can enter at {step}")
    _write(Path(out_dir), STEPS[STEPS.index(step) - 1], entering, refusals.unread)
    return len(entering)


def _is_decomposition(record: Read) -> None:
    if not isinstance(record, Decomposition):
        raise Rejected("not_a_decomposition", "is an arena, which has its tools already")
    parents = {sub.id: sub.depends_on for sub in record.sub_questions}
    if len(parents) < len(record.sub_questions):
        raise Rejected("bad_structure", "two sub-questions have the same id")
    try:
        graph.layers(parents)
    except ValueError as error:
        raise Rejected("bad_structure", f"`depends_on`: {error}") from error


def _is_judged(record: Read) -> None:
    """Whether our own step `necessity` would have let it pass."""
    _is_decomposition(record)
    assert isinstance(record, Decomposition)
    needed = {sub.id: sub.tool_necessity for sub in record.sub_questions}
    if unknown := [number for number, need in needed.items() if need is None]:
        raise Rejected(
            "not_judged", f"nobody said whether sub-questions {unknown} need a tool; enter at necessity"
        )
    check_necessity(record, {number: bool(need) for number, need in needed.items()})


def _write(out_dir: Path, step: str, entering: Sequence[Record], refused: Sequence[BadRecord]) -> None:
    steps = out_dir / "steps"
    path, counted = output_path(steps, step), out_dir / "funnel.json"
    text = "".join(record.model_dump_json() + "\n" for record in entering)
    entered = path.exists() and path.read_text(encoding="utf-8") == text
    if not entered and (path.exists() or counted.exists()):
        raise PipelineError(
            f"{out_dir} belongs to another run; choose another output folder or delete this one"
        )
    if not entered:
        steps.mkdir(parents=True, exist_ok=True)
        with replacing(rejects_path(steps, step)) as rejects:
            rejects.writelines(json_line(_reject(step, bad)) for bad in refused)
        with replacing(path) as out:
            out.write(text)
    if not counted.exists():  # last, so that one who was killed before it is known by what entered
        _count(counted, step, entering, refused)


def _count(path: Path, step: str, entering: Sequence[Record], refused: Sequence[BadRecord]) -> None:
    reasons = Counter(bad.reason for bad in refused)
    summary = StageSummary(
        stage=step,
        inputs=len(entering) + len(refused),
        outputs=len(entering),
        rejected=dict(sorted(reasons.items())),
    )
    with replacing(path) as out:
        out.write(Funnel(stages=[summary]).model_dump_json(indent=1) + "\n")


def _reject(step: str, bad: BadRecord) -> dict[str, str]:
    where = f"{bad.path.name}:{bad.line}"
    return {
        "stage": step,
        "input_id": where,
        "status": "rejected",
        "reason": bad.reason,
        "detail": bad.problem,
    }
