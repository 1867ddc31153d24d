"""What a step's episodes looked like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from astra_jax.rl.batch_filling import Filled, Group
from astra_jax.rl.rewards import total
from data_synthesis.records import Episode

STOP_REASONS = ("finished", "max_turns", "max_tokens", "context", "deadline", "infrastructure")


def rollout_metrics(filled: Filled, step: int) -> dict[str, float]:
    """Figures of all episodes played in this step (before any group was dropped), and of the batch filling.

    Means are over known episodes, stops over all; with none, they are left out and not set to zero.
    """
    episodes = [episode for group in filled.played for episode in group.episodes]
    known = [episode for episode in episodes if episode.reward is not None]
    metrics = {
        "episodes": float(len(episodes)),
        "episodes/unknown": float(filled.unknown),
        "episodes/unscored": float(sum(bool(episode.unscored) for episode in episodes)),
        "groups/trained": float(len(filled.groups)),
        "groups/uninformative": float(filled.uninformative),
        **_group_metrics(filled.played),
        "groups/expired": float(filled.expired),
        "groups/age_max": float(max((step - group.born for group in filled.groups), default=0)),
        "groups/rounds": float(filled.rounds),
        **_stop_metrics(episodes),
    }
    return metrics | _episode_metrics(known) | _total_metrics(known) if known else metrics


def source_metrics(groups: Sequence[Group], source_of: Callable[[int], str]) -> dict[str, float]:
    """How many groups of each source of arenas were played, and how their known episodes did."""
    episodes: dict[str, list[Episode]] = {}
    counts = Counter(source_of(group.number) for group in groups)
    for group in groups:
        known = [episode for episode in group.episodes if episode.reward is not None]
        episodes.setdefault(source_of(group.number), []).extend(known)
    f1 = {name: [e.reward.f1 for e in of if e.reward] for name, of in episodes.items()}
    return {f"source/{name}/groups": float(count) for name, count in counts.items()} | {
        f"source/{name}/f1": float(np.mean(of)) for name, of in f1.items() if of
    }


def _group_metrics(groups: Sequence[Group]) -> dict[str, float]:
    """How rewards are spread within groups; in how many no known episode solved anything, and in how many each all."""
    rewards = [[e.reward for e in group.episodes if e.reward is not None] for group in groups]
    totals = [[total(e) for e in group.episodes if e.reward is not None] for group in groups]
    spread = [float(np.std(of)) for of in totals if len(of) > 1]
    return {
        **({"groups/reward_std": float(np.mean(spread))} if spread else {}),
        "groups/solved_none": float(sum(bool(of) and all(r.solved == 0 for r in of) for of in rewards)),
        "groups/solved_all": float(sum(bool(of) and all(r.solved == r.n for r in of) for of in rewards)),
    }


def _stop_metrics(episodes: list[Episode]) -> dict[str, float]:
    """Shares of all episodes: those that a deadline or an infrastructure failure ended have no reward."""
    stops = Counter(episode.stop_reason for episode in episodes)
    return {f"stop/{reason}": stops[reason] / len(episodes) for reason in STOP_REASONS if episodes}


def _episode_metrics(episodes: list[Episode]) -> dict[str, float]:
    def mean(values: list[float]) -> float:
        return float(np.mean(values))

    rewards = [episode.reward for episode in episodes if episode.reward]
    events = [event for episode in episodes for event in episode.events]
    status = Counter(event.status for event in events)
    named = [name for name in episodes[0].scores if name not in ("f1", "recall", "precision", "total")]
    return {
        "reward/f1": mean([r.f1 for r in rewards]),
        "reward/recall": mean([r.recall for r in rewards]),
        "reward/precision": mean([r.precision for r in rewards]),
        "reward/success": mean([float(r.solved == r.n) for r in rewards]),
        **{f"reward/{name}": mean([e.scores[name] for e in episodes]) for name in named},
        "calls": mean([r.calls for r in rewards]),
        "turns": mean([len(e.weight_versions) for e in episodes]),
        "episodes/mixed": mean([float(len(set(e.weight_versions)) > 1) for e in episodes]),
        "tokens/sampled": mean([sum(e.loss_mask) for e in episodes]),
        "calls/failed_fraction": 1 - status["ok"] / len(events) if events else 0.0,
    }


def _total_metrics(episodes: list[Episode]) -> dict[str, float]:
    """What is trained on: how it is spread over episodes."""
    totals = np.array([total(episode) for episode in episodes])
    low, high = np.quantile(totals, [0.1, 0.9])
    return {
        "reward_total/mean": float(totals.mean()),
        "reward_total/std": float(totals.std()),
        "reward_total/min": float(totals.min()),
        "reward_total/p10": float(low),
        "reward_total/p90": float(high),
        "reward_total/max": float(totals.max()),
    }
