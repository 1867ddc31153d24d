"""Which judged runs become rows."""

from __future__ import annotations

from data_synthesis.pipeline import Rejected, Undecided
from data_synthesis.records import AgentRun
from data_synthesis.trajectories.judge.settings import DIMENSIONS, OVERALL, AcceptSettings


def accept(run: AgentRun, settings: AcceptSettings) -> AgentRun:
    """The run, if it may be trained on.

    Raises:
        Rejected: `broken_run`; `null_score` where a judge failed; `low_overall`, or `low_DIMENSION`.
    """
    if run.status == "broken":
        raise Rejected("broken_run", f"{run.outcome}: {run.problem}")
    known = {name: score for name in DIMENSIONS if (score := run.scores.get(name)) is not None}
    missing = _unknown(run)
    if missing and not (settings.nulls and known):
        raise Rejected("null_score", f"no score for {missing}")
    overall = sum(known.values()) / len(known) if missing else run.scores[OVERALL]
    for name, least in {OVERALL: settings.least_overall, **settings.least}.items():
        score = overall if name == OVERALL else known.get(name)
        if score is not None and score < least:
            raise Rejected(f"low_{name}", f"{score:.2f}, at least {least:g}: {_why(run, name)}")
    return run


def whole(run: AgentRun) -> AgentRun:
    """The run, if every dimension has a score.

    Raises:
        Undecided: `null_score`: a judge failed. The run is kept.
    """
    if missing := _unknown(run):
        raise Undecided("null_score", f"no score for {missing}", kept=run)
    return run


def _unknown(run: AgentRun) -> str:
    """The dimensions without a score, with what was said of the first; empty where each has one."""
    missing = [name for name in DIMENSIONS if run.scores.get(name) is None]
    return f"{', '.join(missing)}: {_why(run, missing[0])}" if missing else ""


def _why(run: AgentRun, name: str) -> str:
    """What was said of a dimension; of the overall score, what was said of the lowest one."""
    judgements = run.judgements
    if name == OVERALL and judgements:
        name = min(judgements, key=lambda each: judgements[each].score or 0.0)
    return judgements[name].reason if name in judgements else "nobody judged it"
