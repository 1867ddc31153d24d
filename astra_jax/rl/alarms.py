"""Sentences about a run that goes wrong in a known way, each when it begins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Metrics = Mapping[str, Any]

# Figures that hover about a bound pass it every few steps: an alarm has ended after so many steps without it.
QUIET_STEPS = 10


@dataclass(frozen=True)
class Limits:
    """Beyond which an alarm is raised; see `configs/rl/base.py`."""

    entropy: float = 0.1
    logprob_gap: float = 0.05
    failed_calls: float = 0.5
    cut_off: float = 0.5
    unknown: float = 0.25


@dataclass
class Alarms:
    """`look` is given the metrics of each step in turn. An alarm that stands is not repeated until it has ended."""

    limits: Limits
    steps: int = 0  # looked at
    last: dict[str, int] = field(default_factory=dict)  # of each kind, the step that had it last
    first_entropy: float | None = None

    @classmethod
    def after(cls, limits: Limits, records: Iterable[Metrics]) -> Alarms:
        """Those of a run that goes on after `records`."""
        alarms = cls(limits)
        for record in records:
            alarms.look(record)
        return alarms

    def look(self, metrics: Metrics) -> list[str]:
        """What begins to be wrong in this step."""
        if self.first_entropy is None:
            self.first_entropy = metrics.get("entropy")
        self.steps += 1
        begun = []
        for name, said in self._all(metrics).items():
            if not said:
                continue
            if self.steps - self.last.get(name, -math.inf) > QUIET_STEPS:
                begun.append(said)
            self.last[name] = self.steps
        return begun

    def _all(self, metrics: Metrics) -> dict[str, str | None]:
        return {
            "groups": _no_group(metrics),
            "entropy": self._entropy(metrics),
            "gap": self._gap(metrics),
            "calls": self._calls(metrics),
            "cut off": self._cut_off(metrics),
            "unknown": self._unknown(metrics),
        }

    def _entropy(self, metrics: Metrics) -> str | None:
        entropy, first = metrics.get("entropy"), self.first_entropy
        if entropy is None or not first or entropy >= self.limits.entropy * first:
            return None
        return (
            f"entropy has collapsed, {entropy:.3g} nats a token after {first:.3g} in the first update: see in samples/ "
            "whether episodes of a group are alike; a larger config.clip_high, an entropy bonus "
            "(config.entropy_coefficient) or a lower learning rate keep it up"
        )

    def _gap(self, metrics: Metrics) -> str | None:
        gap, age = metrics.get("logprob_gap"), metrics.get("groups/age_max")
        if gap is None or age is None or age > 0 or gap <= self.limits.logprob_gap:
            return None
        return (
            f"sampler and trainer differ by {gap:.3g} nats a token on episodes of these very weights, where rounding "
            "alone should part them: compare config.temperature, config.compute_dtype, the servers' model and "
            "template; config.correction can mask what differs most"
        )

    def _calls(self, metrics: Metrics) -> str | None:
        failed = metrics.get("calls/failed_fraction", 0)
        if failed <= self.limits.failed_calls:
            return None
        return (
            f"{failed:.0%} of tool calls fail: see `events` in samples/ for their status; with `bad_json` or "
            "`unknown_tool` the model does not speak config.chat_format, with `tool_error` or `breach` prove the "
            "arenas again (`astra arenas verify`)"
        )

    def _cut_off(self, metrics: Metrics) -> str | None:
        cut = metrics.get("stop/max_tokens", 0) + metrics.get("stop/context", 0)
        if cut <= self.limits.cut_off:
            return None
        return (
            f"{cut:.0%} of episodes are cut off for want of room: raise config.limits.max_turn_tokens or max_tokens "
            "(or, where prompts are long, max_prompt_tokens), or weigh config.rewards.length"
        )

    def _unknown(self, metrics: Metrics) -> str | None:
        episodes, unknown = metrics.get("episodes", 0), metrics.get("episodes/unknown", 0)
        if unknown <= self.limits.unknown * episodes:
            return None
        return (
            f"the reward of {unknown:.0f} of {episodes:.0f} episodes is unknown: see `stop_reason` and `unscored` in "
            "samples/; `deadline` asks for a longer config.limits.deadline_s or fewer episodes at once"
        )


def _no_group(metrics: Metrics) -> str | None:
    if metrics.get("groups/trained", 1):
        return None
    if "reward_total/mean" not in metrics:
        return (
            f"no group could be judged, and no weight moved: of {metrics.get('episodes', 0):.0f} episodes no reward is "
            "known; see `stop_reason` and `unscored` in samples/"
        )
    best, mean = metrics["reward_total/max"], metrics["reward_total/mean"]
    alike, unjudged = metrics.get("groups/uninformative", 0), metrics.get("groups/unjudged", 0)
    besides = f", and of {unjudged:.0f} others too few rewards are known" if unjudged else ""
    return (
        f"no group said anything, and no weight moved: the rewards of each of {alike:.0f} groups were all alike (mean "
        f"{mean:.3g}, best {best:.3g}){besides}; arenas that are neither hopeless nor mastered, a larger "
        "config.group_size or more config.max_rounds give groups that differ"
    )
