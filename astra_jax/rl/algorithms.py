"""From a group's rewards to advantages and loss weights. The trainer does not know which algorithm runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data_synthesis.records import Episode


@dataclass(frozen=True)
class GroupSignal:
    """What a group teaches: for each of its episodes, values for every token [n]; weight 0 where not sampled.

    `denominators` holds each episode's share of what the summed loss of the batch is divided by.
    """

    advantages: list[np.ndarray]
    weights: list[np.ndarray]
    denominators: list[float]


class Algorithm(Protocol):
    def signal(self, group: Sequence[Episode]) -> GroupSignal | None:
        """The group's signal, or None when its rewards say nothing: the group is then dropped whole."""
        ...


def is_informative(rewards: np.ndarray, min_spread: float) -> bool:
    """`max - min > min_spread`: exact for constant groups, where a standard deviation is rounding noise."""
    return len(rewards) > 1 and float(rewards.max() - rewards.min()) > min_spread


@dataclass(frozen=True)
class GRPO:
    """The paper's: advantages normalised within the group, one divisor of all sampled tokens of the batch.

    A = (R - mean R) / (std R + 1e-6); loss = sum over tokens / number of tokens (ASTRA section 3.2; DAPO).
    """

    min_spread: float = 1e-6

    def signal(self, group: Sequence[Episode]) -> GroupSignal | None:
        rewards = _rewards(group)
        if not is_informative(rewards, self.min_spread):
            return None
        advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-6)
        masks = _masks(group)
        return GroupSignal(_spread(advantages, masks), masks, [float(mask.sum()) for mask in masks])


@dataclass(frozen=True)
class DrGRPO:
    """No division by the standard deviation, and a constant divisor instead of token counts (arXiv 2503.20783).

    loss = sum over tokens / (episodes * tokens_per_episode): neither easy nor long groups weigh more.
    """

    tokens_per_episode: float
    min_spread: float = 1e-6

    def signal(self, group: Sequence[Episode]) -> GroupSignal | None:
        rewards = _rewards(group)
        if not is_informative(rewards, self.min_spread):
            return None
        masks = _masks(group)
        constant = [float(self.tokens_per_episode)] * len(group)
        return GroupSignal(_spread(rewards - rewards.mean(), masks), masks, constant)


def _rewards(group: Sequence[Episode]) -> np.ndarray:
    unknown = [episode.id for episode in group if episode.reward is None]
    if unknown:
        raise ValueError(f"episode {unknown[0]} has no reward: unknown episodes never reach an algorithm")
    return np.array([episode.reward.f1 for episode in group if episode.reward], np.float64)


def _masks(group: Sequence[Episode]) -> list[np.ndarray]:
    return [np.asarray(episode.loss_mask, np.float32) for episode in group]


def _spread(advantages: np.ndarray, masks: list[np.ndarray]) -> list[np.ndarray]:
    return [np.float32(a) * mask for a, mask in zip(advantages, masks, strict=True)]
