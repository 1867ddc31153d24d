"""How far two judges, or two opinions of one, agree about the same runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from data_synthesis.records import AgentRun
from data_synthesis.trajectories.judge.settings import DIMENSIONS


@dataclass(frozen=True)
class Agreement:
    """Of one dimension, over the runs that both scored.

    Args:
        pairs: of scores.
        nulls: runs that one or both left without a score.
        same: share of equal scores; null without pairs.
        distance: mean absolute difference.
        kappa: Cohen's, weighted by squared differences; null where neither varies, as chance explains all there.
    """

    pairs: int
    nulls: int
    same: float | None
    distance: float | None
    kappa: float | None


def agreement(judged: Iterable[tuple[AgentRun, AgentRun]]) -> dict[str, Agreement]:
    """For each dimension. The two runs of a pair are one run, judged twice."""
    runs = list(judged)
    return {
        name: _agreement([(a.scores.get(name), b.scores.get(name)) for a, b in runs]) for name in DIMENSIONS
    }


def table(found: dict[str, Agreement]) -> Table:
    made = Table("dimension", title="agreement of two judgements")
    for column in ("pairs", "nulls", "same", "distance", "kappa"):
        made.add_column(column, justify="right")
    for name, a in found.items():
        figures = ("-" if each is None else f"{each:.2f}" for each in (a.same, a.distance, a.kappa))
        made.add_row(name, str(a.pairs), str(a.nulls), *figures)
    return made


def _agreement(scores: Sequence[tuple[float | None, float | None]]) -> Agreement:
    pairs = [(a, b) for a, b in scores if a is not None and b is not None]
    nulls = len(scores) - len(pairs)
    if not pairs:
        return Agreement(0, nulls, None, None, None)
    same = sum(a == b for a, b in pairs) / len(pairs)
    distance = sum(abs(a - b) for a, b in pairs) / len(pairs)
    return Agreement(len(pairs), nulls, same, distance, _kappa(pairs))


def _kappa(pairs: Sequence[tuple[float, float]]) -> float | None:
    """One minus the squared differences that there are, over those of every left score with every right one."""
    expected = sum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    observed = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    return 1 - observed / expected if expected else None
