"""What an algorithm makes of a group. The trainer knows nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data_synthesis.records import Episode


@dataclass(frozen=True)
class GroupSignal:
    """What a group teaches: for each of its episodes, values for every token [n]; weight 0 where not trained.

    `denominators` holds each episode's share of what the summed loss of the batch is divided by.
    """

    advantages: list[np.ndarray]
    weights: list[np.ndarray]
    denominators: list[float]


class Algorithm(Protocol):
    def signal(self, group: Sequence[Episode]) -> GroupSignal | None:
        """The group's signal, or None when its rewards say nothing: the group is then dropped whole."""
        ...

    def of_batch(self, signals: Sequence[GroupSignal]) -> list[GroupSignal]:
        """The signals of an update's groups, once it is known which these are."""
        ...


def is_informative(rewards: np.ndarray, min_spread: float) -> bool:
    """`max - min > min_spread`: exact for constant groups, where a standard deviation is rounding noise."""
    return len(rewards) > 1 and float(rewards.max() - rewards.min()) > min_spread
