"""What a set of episodes amounts to: means with intervals, and the before/after table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import mean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from astra_jax.evaluation.bootstrap import mean_ci95, paired_ci95
from data_synthesis.records import Episode, RewardParts

METRICS = ("f1", "recall", "precision", "success", "calls", "turns")
STAGES = ("random", "sft", "rl")

_OF_REWARD: dict[str, Callable[[RewardParts], float]] = {
    "f1": lambda reward: reward.f1,
    "recall": lambda reward: reward.recall,
    "precision": lambda reward: reward.precision,
    "success": lambda reward: float(reward.all_solved),
    "calls": lambda reward: float(reward.calls),
}


def is_known(episode: Episode) -> bool:
    """Whether the episode has a score: an infrastructure failure is unknown, never 0."""
    return episode.reward is not None and episode.stop_reason != "infrastructure"


def turns(episode: Episode) -> int:
    """How many times the agent was asked to speak, a turn that ran out of tokens included."""
    return len(episode.weight_versions)


def summarise(episodes: Iterable[Episode], seed: int = 0) -> dict[str, Any]:
    """Means of `METRICS` over arenas, with 95 % bootstrap intervals.

    Episodes of one arena are averaged first, so that the arena is what is resampled. Unknown episodes are
    counted and left out; with no known episode every mean and interval is None.

    Returns:
        `{"f1": 0.41, ..., "turns": 3.2, "ci95": {"f1": [low, high], ...}, "episodes", "unknown", "arenas"}`;
        `success` is the share of arenas with every gold call solved.
    """
    episodes = list(episodes)
    by_arena = _known_by_arena(episodes)
    columns = {metric: [_arena_mean(group, metric) for group in by_arena.values()] for metric in METRICS}
    return {
        **{metric: mean(values) if values else None for metric, values in columns.items()},
        "ci95": {m: list(mean_ci95(values, seed)) if values else None for m, values in columns.items()},
        "episodes": len(episodes),
        "unknown": sum(not is_known(episode) for episode in episodes),
        "arenas": len(by_arena),
    }


def paired_difference(
    after: Iterable[Episode], before: Iterable[Episode], metric: str = "f1", seed: int = 0
) -> dict[str, Any]:
    """The mean of `after - before` over the arenas that both know, with its paired bootstrap interval.

    Returns:
        `{"mean", "ci95": [low, high], "arenas"}`; mean and interval are None where no arena is shared.
    """
    known_after, known_before = _known_by_arena(after), _known_by_arena(before)
    shared = [arena for arena in known_after if arena in known_before]
    if not shared:
        return {"mean": None, "ci95": None, "arenas": 0}
    a = [_arena_mean(known_after[arena], metric) for arena in shared]
    b = [_arena_mean(known_before[arena], metric) for arena in shared]
    difference = mean(x - y for x, y in zip(a, b, strict=True))
    return {"mean": difference, "ci95": list(paired_ci95(a, b, seed)), "arenas": len(shared)}


def successes(episodes: Iterable[Episode]) -> dict[str, list[bool]]:
    """Whether each known episode solved every gold call, by arena."""
    groups = _known_by_arena(episodes)
    return {
        arena: [_value(episode, "success") == 1.0 for episode in known] for arena, known in groups.items()
    }


def compare_table(results: Mapping[str, Any]) -> Table:
    """The before/after table of a `results.json`, for rich to print: a row a metric, a column a model."""
    stages = [stage for stage in STAGES if stage in results]
    title = "Held-out arenas: mean and 95 % interval"
    table = Table("", *stages, title=title, caption=Text(_caption(results)), box=SIMPLE_HEAD)
    for metric in METRICS:
        table.add_row(metric, *(Text(_cell(results[stage], metric)) for stage in stages))
    table.add_row("episodes", *(_counts(results[stage]) for stage in stages))
    return table


def _known_by_arena(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    groups = defaultdict(list)
    for episode in episodes:
        if is_known(episode):
            groups[episode.arena_id].append(episode)
    return groups


def _arena_mean(episodes: list[Episode], metric: str) -> float:
    return mean(_value(episode, metric) for episode in episodes)


def _value(episode: Episode, metric: str) -> float:
    if metric == "turns":
        return float(turns(episode))
    assert episode.reward is not None
    return _OF_REWARD[metric](episode.reward)


def _cell(summary: Mapping[str, Any], metric: str) -> str:
    value, interval = summary.get(metric), summary.get("ci95", {}).get(metric)
    if value is None:
        return "unknown"
    return f"{value:.3f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _counts(summary: Mapping[str, Any]) -> str:
    unknown = summary.get("unknown", 0)
    return f"{summary.get('episodes', '')}" + (f" ({unknown} unknown)" if unknown else "")


def _caption(results: Mapping[str, Any]) -> str:
    interval = results.get("rl_minus_sft_f1_ci95")
    if not interval:
        return ""
    return f"F1 of rl minus sft, paired over arenas: [{interval[0]:.3f}, {interval[1]:.3f}]"
