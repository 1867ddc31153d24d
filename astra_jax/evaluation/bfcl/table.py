"""What a set of rollouts amounts to: a row a category, with intervals, and groups as the leaderboard forms them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from astra_jax.evaluation.bfcl.records import BfclRun
from astra_jax.evaluation.bootstrap import mean_ci95, weighted_ci95

# Group -> weight of each of its categories. The leaderboard's: categories count alike, the three languages together as
# one; categories of live prompts count by their items, for which None stands.
GROUPS: Mapping[str, Mapping[str, float | None]] = {
    "multi-turn": dict.fromkeys(
        ["multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context"], 1 / 4
    ),
    "non-live AST": {
        **dict.fromkeys(["simple_python", "simple_java", "simple_javascript"], 1 / 12),
        **dict.fromkeys(["multiple", "parallel", "parallel_multiple"], 1 / 4),
    },
    "live AST": dict.fromkeys(["live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"]),
}


@cache
def defects(version: str = "v4") -> Mapping[str, str]:
    """Items that no model can pass, with the reason. The leaderboard counts them; here they are also left out.

    Of v3 none is declared.
    """
    if version == "v3":
        return {}
    return json.loads(Path(__file__).with_name("defective.json").read_text("utf-8"))


def summarise(
    items: Mapping[str, Sequence[str]], runs: Iterable[BfclRun], seed: int = 0, version: str = "v4"
) -> dict[str, Any]:
    """Accuracies with 95 % bootstrap intervals over items, of all items and of those that are not defective.

    An item without a run is unknown: it is counted, and left out of the means.

    Args:
        items: ids by category.

    Returns:
        `{"categories": {name: {"items", "unknown", "defective", "accuracy", "ci95", "sound": {"accuracy", "ci95"}}},
        "groups": {name: {"accuracy", "ci95"}}}`, with only those groups of which every category is there.
    """
    defective = defects(version)
    valid = {run.item: float(run.verdict.valid) for run in runs}
    values = {name: [valid[id] for id in ids if id in valid] for name, ids in items.items()}
    categories = {
        name: {
            "items": len(ids),
            "unknown": sum(id not in valid for id in ids),
            "defective": sum(id in defective for id in ids),
            **_mean(values[name], seed),
            "sound": _mean([valid[id] for id in ids if id in valid and id not in defective], seed),
        }
        for name, ids in items.items()
    }
    groups = {
        name: _combined([values[category] for category in weights], weights, seed)
        for name, weights in GROUPS.items()
        if all(values.get(category) for category in weights)
    }
    return {"categories": categories, "groups": groups}


def table(summary: Mapping[str, Any], title: str) -> Table:
    """A summary for rich to print, in percent."""
    rows = summary["categories"]
    counted = [what for what in ("items", "unknown", "defective") if any(row[what] for row in rows.values())]
    shown = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", *counted, "accuracy", "sound only"):
        shown.add_column(column, justify="right" if column in counted else "left", no_wrap=True)
    for name, row in rows.items():
        counts = (str(row[what]) for what in counted)
        shown.add_row(name, *counts, Text(_cell(row)), Text(_cell(row["sound"]) if row["defective"] else ""))
    if summary["groups"]:
        shown.add_section()
    for name, row in summary["groups"].items():
        shown.add_row(name, *[""] * len(counted), Text(_cell(row)), "")
    return shown


def _mean(values: Sequence[float], seed: int) -> dict[str, Any]:
    if not values:
        return {"accuracy": None, "ci95": None}
    return {"accuracy": mean(values), "ci95": list(mean_ci95(values, seed))}


def _combined(
    samples: Sequence[Sequence[float]], weights: Mapping[str, float | None], seed: int
) -> dict[str, Any]:
    total = sum(map(len, samples))
    each = [
        len(sample) / total if weight is None else weight
        for sample, weight in zip(samples, weights.values(), strict=True)
    ]
    accuracy = sum(weight * mean(sample) for weight, sample in zip(each, samples, strict=True))
    return {"accuracy": accuracy, "ci95": list(weighted_ci95(samples, each, seed))}


def _cell(row: Mapping[str, Any]) -> str:
    if row["accuracy"] is None:
        return "unknown"
    low, high = row["ci95"]
    return f"{100 * row['accuracy']:.1f} [{100 * low:.0f}, {100 * high:.0f}]"
