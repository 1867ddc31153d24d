"""How fast a step plays, and how long its weights take to reach the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from astra_jax.rl.batch_filling import Group


@dataclass
class Clock:
    """What is measured in one step. Batches of later steps that are played beside its update count too."""

    weight_sync_s: float = 0.0
    rollouts_s: float = 0.0
    sampled_tokens: int = 0

    def played(self, groups: Iterable[Group], seconds: float) -> None:
        self.rollouts_s += seconds
        self.sampled_tokens += sum(sum(e.loss_mask) for group in groups for e in group.episodes)

    def metrics(self) -> dict[str, float]:
        metrics = {"time/weight_sync_s": self.weight_sync_s}
        if self.sampled_tokens:  # a step may find its batch in what waits
            metrics["time/sampled_tokens_per_second"] = self.sampled_tokens / self.rollouts_s
        return metrics
