"""What a step's episodes looked like."""

from __future__ import annotations

from collections import Counter

import numpy as np

from astra_jax.rl.batch_filling import Filled
from data_synthesis.records import Episode

STOP_REASONS = ("finished", "max_turns", "max_tokens", "context", "deadline", "infrastructure")


def rollout_metrics(filled: Filled, step: int) -> dict[str, float]:
    """Figures of all episodes played in this step (before any group was dropped), and of the batch filling.

    Means are over known episodes; with none, they are left out and not set to zero.
    """
    episodes = [episode for group in filled.played for episode in group.episodes]
    known = [episode for episode in episodes if episode.reward is not None]
    metrics = {
        "episodes": float(len(episodes)),
        "episodes/unknown": float(filled.unknown),
        "groups/trained": float(len(filled.groups)),
        "groups/uninformative": float(filled.uninformative),
        "groups/expired": float(filled.expired),
        "groups/age_max": float(max((step - group.born for group in filled.groups), default=0)),
        "groups/rounds": float(filled.rounds),
    }
    return metrics | _episode_metrics(known) if known else metrics


def _episode_metrics(episodes: list[Episode]) -> dict[str, float]:
    def mean(values: list[float]) -> float:
        return float(np.mean(values))

    rewards = [episode.reward for episode in episodes if episode.reward]
    events = [event for episode in episodes for event in episode.events]
    status = Counter(event.status for event in events)
    stops = Counter(episode.stop_reason for episode in episodes)
    return {
        "reward/f1": mean([r.f1 for r in rewards]),
        "reward/recall": mean([r.recall for r in rewards]),
        "reward/precision": mean([r.precision for r in rewards]),
        "reward/success": mean([float(r.solved == r.n) for r in rewards]),
        "calls": mean([r.calls for r in rewards]),
        "turns": mean([len(e.weight_versions) for e in episodes]),
        "tokens/sampled": mean([sum(e.loss_mask) for e in episodes]),
        "calls/failed_fraction": 1 - status["ok"] / len(events) if events else 0.0,
        **{f"stop/{reason}": stops[reason] / len(episodes) for reason in STOP_REASONS},
    }
