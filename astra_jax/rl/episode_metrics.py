"""What the known episodes of a step were like: what they earned, called and sampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from astra_jax.rl.rewards import total
from data_synthesis.records import Episode

FAILURES = ("tool_error", "unknown_tool", "bad_json", "bad_arguments", "breach")


def episode_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    """Figures of `episodes`, of which there is at least one, and each has a reward."""
    return {
        **_reward_metrics(episodes),
        **_total_metrics(episodes),
        **_call_metrics(episodes),
        "turns": _mean(len(e.weight_versions) for e in episodes),
        "episodes/mixed": _mean(len(e.versions) > 1 for e in episodes),
        "episodes/version_span": float(max(_version_span(e) for e in episodes)),
        "tokens/sampled": _mean(sum(e.loss_mask) for e in episodes),
        "tokens/response": _mean(len(e.token_ids) - e.prompt_length for e in episodes),
    }


def _reward_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    rewards = [episode.reward for episode in episodes if episode.reward]
    components = {
        "f1": [r.f1 for r in rewards],
        "recall": [r.recall for r in rewards],
        "precision": [r.precision for r in rewards],
    }
    for name in episodes[0].scores:
        if name != "total":
            components.setdefault(name, [e.scores[name] for e in episodes])
    metrics = {"reward/success": _mean(reward.all_solved for reward in rewards)}
    for name, values in components.items():
        metrics |= {f"reward/{name}": _mean(values), **_spread(f"reward/{name}", values)}
    return metrics


def _total_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    """What is trained on: how it is spread over episodes."""
    totals = [total(episode) for episode in episodes]
    low, high = np.quantile(totals, [0.1, 0.9])
    return {
        "reward_total/mean": _mean(totals),
        "reward_total/p10": float(low),
        "reward_total/p90": float(high),
        **_spread("reward_total", totals),
    }


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    return {
        f"{name}/std": float(np.std(values)),
        f"{name}/min": float(min(values)),
        f"{name}/max": float(max(values)),
    }


def _call_metrics(episodes: Sequence[Episode]) -> dict[str, float]:
    status = Counter(event.status for episode in episodes for event in episode.events)
    calls = max(status.total(), 1)
    return {
        "calls": _mean(episode.reward.calls for episode in episodes if episode.reward),
        "calls/failed_fraction": (status.total() - status["ok"]) / calls,
        **{f"calls/{failure}_fraction": status[failure] / calls for failure in FAILURES},
    }


def _version_span(episode: Episode) -> int:
    versions = episode.versions
    return max(versions, default=0) - min(versions, default=0)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
