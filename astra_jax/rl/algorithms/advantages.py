"""From a group's rewards [G] to the advantage of each of its episodes, [G] float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from astra_jax.rl.algorithms.signal import GroupSignal

_EPSILON = 1e-6  # beside a standard deviation that divides


@dataclass(frozen=True)
class Advantage:
    """`of_group` sees one group's rewards. `whitened`: the batch's tokens then get mean 0 and deviation 1."""

    of_group: Callable[[np.ndarray], np.ndarray]
    whitened: bool = False


def normalised(rewards: np.ndarray) -> np.ndarray:
    """(R - mean R) / (std R + 1e-6), with the deviation of the group itself (GRPO, arXiv 2402.03300)."""
    return (rewards - rewards.mean()) / (rewards.std() + _EPSILON)


def centred(rewards: np.ndarray) -> np.ndarray:
    """R - mean R: groups that are hard or easy weigh no more than others (Dr. GRPO, arXiv 2503.20783)."""
    return rewards - rewards.mean()


def leave_one_out(rewards: np.ndarray) -> np.ndarray:
    """R - the mean of the others, a baseline that the episode has no part in (RLOO, arXiv 2402.14740)."""
    others = (rewards.sum() - rewards) / (len(rewards) - 1)
    return rewards - others


def as_they_are(rewards: np.ndarray) -> np.ndarray:
    """R: its baseline is the batch's."""
    return rewards


ADVANTAGES = {
    "normalised": Advantage(normalised),
    "centred": Advantage(centred),
    "leave_one_out": Advantage(leave_one_out),
    "whitened": Advantage(as_they_are, whitened=True),
    "centred_whitened": Advantage(centred, whitened=True),
}


def whiten(signals: Sequence[GroupSignal]) -> list[GroupSignal]:
    """(A - mean A) / (std A + 1e-6) over all trained tokens of the batch (REINFORCE++, arXiv 2501.03262)."""
    everything = [
        (advantages, weights > 0)
        for signal in signals
        for advantages, weights in zip(signal.advantages, signal.weights, strict=True)
    ]
    if not everything:
        return []
    tokens = np.concatenate([advantages[trained] for advantages, trained in everything]).astype(np.float64)
    mean, deviation = tokens.mean(), tokens.std()
    whitened = iter(
        [
            np.where(trained, (a - mean) / (deviation + _EPSILON), 0).astype(np.float32)
            for a, trained in everything
        ]
    )
    return [replace(signal, advantages=[next(whitened) for _ in signal.advantages]) for signal in signals]
