"""The before/after table of `results.json`, with where to draw each dot and interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astra_jax.evaluation.report.view import Comparison, Mark, MetricRow, Tile
from astra_jax.evaluation.summary import METRICS, STAGES

# metric -> (name, what it is, the end of its scale; None for the largest value there is)
_NAMES = {
    "f1": ("F1", "2 · solved / (sub-questions + calls)", 1.0),
    "recall": ("Recall", "solved / sub-questions", 1.0),
    "precision": ("Precision", "solved / calls", 1.0),
    "success": ("Success", "every sub-question solved", 1.0),
    "calls": ("Calls", "per episode", None),
    "turns": ("Turns", "per episode", None),
}


def compare(results: Mapping[str, Any]) -> Comparison | None:
    """The table of the stages that `results` holds; None where it holds none."""
    stages = [stage for stage in STAGES if isinstance(results.get(stage), Mapping)]
    if not stages:
        return None
    rows = [_row(metric, [(stage, results[stage]) for stage in stages]) for metric in METRICS]
    return Comparison(stages, rows, _note([results[stage] for stage in stages]))


def headline(results: Mapping[str, Any]) -> list[Tile]:
    """The numbers that a reader looks for first."""
    tiles = [
        Tile(f"F1, {name}", f"{results[stage]['f1']:.3f}", _interval(results[stage], "f1"))
        for stage, name in (("random", "random weights"), ("sft", "after SFT"), ("rl", "after RL"))
        if isinstance(results.get(stage), Mapping) and results[stage].get("f1") is not None
    ]
    if interval := results.get("rl_minus_sft_f1_ci95"):
        tiles.append(Tile("F1, RL minus SFT", _between(interval, "+.3f"), "paired over arenas"))
    if seconds := results.get("wall_s"):
        tiles.append(Tile("Wall time", duration(sum(seconds.values())), "all stages"))
    return tiles


def duration(seconds: float) -> str:
    """Seconds as people say them: `8.4 s`, `12 min 5 s`, `3 h 2 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _row(metric: str, summaries: list[tuple[str, Mapping[str, Any]]]) -> MetricRow:
    known = [
        (stage, summary[metric], summary.get("ci95", {}).get(metric) or [summary[metric]] * 2)
        for stage, summary in summaries
        if summary.get(metric) is not None
    ]
    name, gloss, end = _NAMES[metric]
    top = end or 1.1 * max([high for *_, (_, high) in known] + [1.0])
    marks = [
        Mark(stage, 100 * mean / top, 100 * low / top, 100 * high / top) for stage, mean, (low, high) in known
    ]
    cells = [(_number(summary.get(metric)), _interval(summary, metric)) for _, summary in summaries]
    return MetricRow(name, gloss, cells, marks, f"{top:.3g}")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _interval(summary: Mapping[str, Any], metric: str) -> str:
    interval = summary.get("ci95", {}).get(metric)
    return _between(interval, ".3f") if interval else ""


def _between(interval: list[float], spec: str) -> str:
    return f"{interval[0]:{spec}} to {interval[1]:{spec}}"


def _note(summaries: list[Mapping[str, Any]]) -> str:
    note = "Mean over held-out arenas, with its 95 % bootstrap interval."
    if arenas := {summary["arenas"] for summary in summaries if "arenas" in summary}:
        note += f" {' to '.join(f'{count:,}' for count in sorted({min(arenas), max(arenas)}))} arenas."
    if unknown := sum(summary.get("unknown", 0) for summary in summaries):
        note += f" {unknown:,} episodes failed in the infrastructure or ran past their deadline: unknown, left out."
    return note
