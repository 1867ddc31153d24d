"""What a row says at a glance, and whether anything may be trained on it."""

from __future__ import annotations

from data_synthesis.pipeline import Rejected
from data_synthesis.records import AgentRun, Trajectory
from data_synthesis.trajectories.judge.settings import OVERALL
from data_synthesis.trajectories.language import script
from data_synthesis.trajectories.rows.pairing import check_paired


def check_usable(row: Trajectory, *, unjudged: bool = False) -> None:
    """Whether the row may be trained on.

    Args:
        unjudged: take rows with null scores too, and runs that were never judged.

    Raises:
        Rejected: `broken`, `no_messages`, `no_tools`, `not_judged`, `null_score`, `result_without_call`,
            `call_without_result`.
    """
    if row.status == "broken":
        problem = f"{row.outcome}: {row.problem}" if isinstance(row, AgentRun) else "it has no answer"
        raise Rejected("broken", problem)
    if not any(message.role == "assistant" for message in row.messages):
        raise Rejected("no_messages", "an assistant says nothing in it")
    if not row.tools and (names := called(row)):
        raise Rejected("no_tools", f"calls {names[0]} and lists no tool")
    check_paired(row.messages)
    if not unjudged:
        _check_judged(row)


def _check_judged(row: Trajectory) -> None:
    scores = scores_of(row)
    if isinstance(row, AgentRun) and not scores:
        raise Rejected("not_judged", "no judge has seen the run")
    if nulls := [name for name, score in scores.items() if score is None]:
        raise Rejected("null_score", f"no score for {', '.join(nulls)}")


def scores_of(row: Trajectory) -> dict[str, float | None]:
    """The scores by dimension; null as soon as either the scores or the judgements are."""
    judged = row.judgements if isinstance(row, AgentRun) else {}
    scores = {name: judgement.score for name, judgement in judged.items()}
    for name, score in row.scores.items():
        scores[name] = None if name in scores and scores[name] is None else score
    return scores


def mean_score(row: Trajectory) -> float | None:
    """The overall score where there is one, else the mean over all dimensions; null where one is, or there is none."""
    by_name = scores_of(row)
    scores = [by_name[OVERALL]] if OVERALL in by_name else list(by_name.values())
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known and len(known) == len(scores) else None


def query_of(row: Trajectory) -> str:
    if isinstance(row, AgentRun):
        return row.task.query
    return next((message.content for message in row.messages if message.role == "user"), "")


def language_of(row: Trajectory) -> str:
    """That of the task; where there is none, the query's script, see `language.script`."""
    return row.task.language if isinstance(row, AgentRun) else script(query_of(row))


def called(row: Trajectory) -> list[str]:
    """The names of all calls, in order."""
    return [call.name for message in row.messages for call in message.tool_calls]
