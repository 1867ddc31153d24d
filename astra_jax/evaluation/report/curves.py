"""Line charts from `metrics.jsonl`: which keys share a chart, and in which order charts stand."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

# More than a chart has pixels for. Longer series keep every k-th step.
MAX_POINTS = 1000

# (title, pattern of the keys it draws together); first match wins, and a key that matches none has its own chart.
_CHARTS = (
    ("Reward", r"reward/[^/]*"),
    ("Reward: how it is spread", r"reward/.*"),
    ("Reward that is trained on", r"reward_total/.*"),
    ("Loss", r"loss"),
    ("Calls and turns", r"calls|turns"),
    ("Failed calls (share)", r"calls/.*"),
    ("Tokens of an episode", r"tokens/.*"),
    ("Entropy (nats)", r"entropy"),
    ("|Δ log-prob| of sampler and trainer", r"logprob_gap(_max)?"),
    ("KL of sampler and trainer (nats)", r"sampler_kl(/.*)?"),
    ("Perplexity", r"perplexity/.*"),
    ("Ratio of trainer to sampler", r"ratio/.*"),
    ("Clipped (share of tokens)", r"clip_fraction(/.*)?"),
    ("Importance weights", r"importance/.*"),
    ("KL to the reference (nats)", r"reference_kl/.*"),
    ("Gradient norm", r"grad_norm"),
    ("Learning rate", r"learning_rate"),
    ("Why episodes stopped (share)", r"stop/.*"),
    ("Groups", r"groups/.*"),
    ("Episodes", r"episodes(/.*)?"),
    ("Tokens per second", r"time/(.*_)?tokens_per_second"),
    ("Time (s)", r"time/.*"),
)


Series = dict[str, list[tuple[float, float | None]]]


def series_of(records: Iterable[Mapping[str, Any]]) -> Series:
    """(step, value) pairs by key. A value that is no finite number is None, a gap in the line."""
    series: Series = defaultdict(list)
    for record in records:
        for key, value in record.items():
            if key != "step" and (value is None or _is_number(value)):
                series[key].append((record["step"], value if value is None or math.isfinite(value) else None))
    return series


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def charts(stage: str, series: Series) -> list[dict[str, Any]]:
    """The charts of one stage: known ones first and in their order, then one for each other key."""
    groups: dict[str, list[str]] = {title: [] for title, _ in _CHARTS}
    for key in series:
        groups.setdefault(_title(key), []).append(key)
    return [
        {
            "stage": stage,
            "title": title,
            "series": [{"name": key, "points": _thin(series[key])} for key in keys],
        }
        for title, keys in groups.items()
        if keys
    ]


def _title(key: str) -> str:
    return next((title for title, pattern in _CHARTS if re.fullmatch(pattern, key)), key)


def _thin(points: list[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """Every k-th point, and the last one, which people look at first."""
    stride = math.ceil(len(points) / MAX_POINTS)
    kept = points[::stride]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
