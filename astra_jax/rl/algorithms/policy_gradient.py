"""The algorithm of which the named ones are settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from astra_jax.rl.algorithms.advantages import ADVANTAGES, Advantage, whiten
from astra_jax.rl.algorithms.means import LossMean, over_tokens
from astra_jax.rl.algorithms.signal import GroupSignal, is_informative
from astra_jax.rl.rewards import total
from data_synthesis.records import Episode

CUT_OFF = ("max_tokens", "context")  # the stop reasons of an episode that ran out of room


@dataclass(frozen=True)
class PolicyGradient:
    """An advantage for each episode, the same for all of its sampled tokens. By default the paper's GRPO:

    A = (R - mean R) / (std R + 1e-6); loss = sum over tokens / number of tokens (ASTRA section 3.2).

    Args:
        min_spread: a group says something if its best and worst reward differ by more; below 0 each does.
        mask_cut_off: episodes that ran out of room get no loss; their rewards stay in their group's baseline, and
            not in the batch's.
    """

    advantage: Advantage = ADVANTAGES["normalised"]
    loss_mean: LossMean = over_tokens
    min_spread: float = 1e-6
    mask_cut_off: bool = False

    def signal(self, group: Sequence[Episode]) -> GroupSignal | None:
        rewards = _rewards(group)
        masks = [self._mask(episode) for episode in group]
        if not (is_informative(rewards, self.min_spread) and any(mask.any() for mask in masks)):
            return None
        advantages = self.advantage.of_group(rewards)
        weights, shares = zip(*map(self._weigh, masks), strict=True)
        return GroupSignal(_spread(advantages, masks), list(weights), list(shares))

    def of_batch(self, signals: Sequence[GroupSignal]) -> list[GroupSignal]:
        return whiten(signals) if self.advantage.whitened else list(signals)

    def _mask(self, episode: Episode) -> np.ndarray:
        mask = np.asarray(episode.loss_mask, np.float32)
        return np.zeros_like(mask) if self.mask_cut_off and episode.stop_reason in CUT_OFF else mask

    def _weigh(self, mask: np.ndarray) -> tuple[np.ndarray, float]:
        return self.loss_mean(mask) if mask.any() else (mask, 0.0)


def _rewards(group: Sequence[Episode]) -> np.ndarray:
    unknown = [episode.id for episode in group if episode.reward is None]
    if unknown:
        raise ValueError(f"episode {unknown[0]} has no reward: unknown episodes never reach an algorithm")
    return np.array([total(episode) for episode in group], np.float64)


def _spread(advantages: np.ndarray, masks: list[np.ndarray]) -> list[np.ndarray]:
    return [np.float32(a) * mask for a, mask in zip(advantages, masks, strict=True)]
