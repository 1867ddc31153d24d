"""What a step's episodes looked like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np

from astra_jax.rl.batch_filling import Filled, Group
from astra_jax.rl.episode_metrics import episode_metrics
from astra_jax.rl.rewards import total
from data_synthesis.records import Episode

STOP_REASONS = ("finished", "max_turns", "max_tokens", "context", "deadline", "infrastructure")


def rollout_metrics(filled: Filled, step: int | None) -> dict[str, float]:
    """Figures of all episodes played in this step (before any group was dropped), and of the batch filling.

    Means are over known episodes, stops over all; with none, they are left out and not set to zero.

    Args:
        step: the one whose weights the batch meets; None: another run played it, and how old it is is not known.
    """
    episodes = [episode for group in filled.played for episode in group.episodes]
    known = [episode for episode in episodes if episode.reward is not None]
    metrics = {
        "episodes": float(len(episodes)),
        "episodes/unknown": float(filled.unknown),
        "episodes/unscored": float(sum(bool(episode.unscored) for episode in episodes)),
        "groups/trained": float(len(filled.groups)),
        "groups/uninformative": float(filled.uninformative),
        "groups/unjudged": float(filled.unjudged),
        **_group_metrics(filled.played),
        "groups/expired": float(filled.expired),
        "groups/rounds": float(filled.rounds),
        **_stop_metrics(episodes),
    }
    if step is not None:
        metrics |= _age_metrics(filled.groups, step) | _token_ages(filled.groups, step)
    if filled.groups:
        metrics["groups/oversampling"] = len(filled.played) / len(filled.groups)
    return metrics | episode_metrics(known) if known else metrics


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


def _age_metrics(groups: Sequence[Group], step: int) -> dict[str, float]:
    """How many updates ago the oldest and the youngest group of the batch were begun."""
    ages = [step - group.born for group in groups]
    return {
        "groups/age_min": float(min(ages, default=0)),
        "groups/age_max": float(max(ages, default=0)),
    }


def _group_metrics(groups: Sequence[Group]) -> dict[str, float]:
    """How rewards are spread within groups; in how many no known episode solved anything, and in how many each all;
    and in how many of either kind rewards are alike.
    """
    known = [of for group in groups if (of := [e for e in group.episodes if e.reward is not None])]
    rewards = [[e.reward for e in of if e.reward] for of in known]
    successes = [[reward.all_solved for reward in of] for of in rewards]
    failures = [[reward.solved == 0 for reward in of] for of in rewards]
    totals = [[total(e) for e in of] for of in known]
    alike = [len(set(of)) == 1 < len(of) for of in totals]
    spread = [float(np.std(of)) for of in totals if len(of) > 1]
    metrics = {
        "groups/solved_none": float(sum(map(all, failures))),
        "groups/solved_all": float(sum(map(all, successes))),
        "groups/alike_failed": float(sum(map(all, compress(failures, alike)))),
        "groups/alike_solved": float(sum(map(all, compress(successes, alike)))),
    }
    if spread:
        metrics["groups/reward_std"] = float(np.mean(spread))
    if known:
        metrics["groups/pass_at_k"] = float(np.mean([any(of) for of in successes]))
        metrics["groups/avg_at_k"] = float(np.mean([np.mean(of) for of in successes]))
    return metrics


def _token_ages(groups: Sequence[Group], step: int) -> dict[str, float]:
    """How many updates before this step's weights those were that drew each token of the batch."""
    spans = [span for group in groups for episode in group.episodes for span in episode.version_spans]
    if not spans:
        return {}
    ages = [step - 1 - span.version for span in spans]
    return {
        "tokens/age_mean": float(np.average(ages, weights=[span.tokens for span in spans])),
        "tokens/age_max": float(max(ages)),
    }


def _stop_metrics(episodes: list[Episode]) -> dict[str, float]:
    """Shares of all episodes: those that a deadline or an infrastructure failure ended have no reward."""
    stops = Counter(episode.stop_reason for episode in episodes)
    return {f"stop/{reason}": stops[reason] / len(episodes) for reason in STOP_REASONS if episodes}
