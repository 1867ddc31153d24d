"""Tables and plots of what `benchmarks.paper_ablations` has run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Protocol

import numpy as np
from matplotlib import pyplot as plt

from astra_jax.evaluation.summary import paired_difference
from data_synthesis.records import Episode, read_records

plt.switch_backend("svg")
plt.rcParams["svg.hashsalt"] = "astra"  # the same run gives the same bytes

BASELINE = "SFT"
LABELS = {m: m for m in ("f1", "recall", "precision", "success", "calls", "turns")} | {"f1": "F1"}
CURVES = {"reward/f1": "F1 of rollouts", "calls": "tool calls of an episode"}


class Run(Protocol):
    """What was kept of one seed."""

    root: Path

    def done(self, name: str) -> bool: ...
    def results(self, name: str) -> dict[str, Any]: ...
    def curve(self, name: str) -> list[dict[str, Any]]: ...


def over_seeds(values: Sequence[float], digits: int = 3) -> str:
    """The mean, with the least and the greatest seed where there are several."""
    shown = f"{mean(values):.{digits}f}"
    return f"{shown} [{min(values):.{digits}f}, {max(values):.{digits}f}]" if len(set(values)) > 1 else shown


def complete(seeds: Sequence[Run], arms: Mapping[str, str]) -> list[Run]:
    """The seeds that have every arm: others would compare arms on different arenas."""
    return [seed for seed in seeds if all(seed.done(arm) for arm in arms.values())]


def table(seeds: Sequence[Run], arms: Mapping[str, str], name: str) -> str:
    """Results of each arm on the arenas of `name`; F1 against the baseline's is paired over arenas of all seeds.

    Args:
        arms: by their labels; the baseline is the one called SFT, or the first.
    """
    baseline = BASELINE if BASELINE in arms else next(iter(arms))
    rows = [["", *LABELS.values(), f"F1 against {baseline}"], ["---"] * (len(LABELS) + 2)]
    for label, arm in arms.items():
        found = [seed.results(arm)[name] for seed in seeds]
        cells = [over_seeds([r[m] for r in found], 2 if m in ("calls", "turns") else 3) for m in LABELS]
        against = "" if label == baseline else _difference(seeds, arm, arms[baseline], name)
        rows.append([label, *cells, against])
    return _lines(rows)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _difference(seeds: Sequence[Run], arm: str, first: str, name: str) -> str:
    after, before = (list(_episodes(seeds, each, name)) for each in (arm, first))
    found = paired_difference(after, before)
    if found["mean"] is None:
        return "-"
    low, high = found["ci95"]
    return f"{found['mean']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _episodes(seeds: Sequence[Run], arm: str, name: str) -> Iterator[Episode]:
    """Those of all seeds; an arena is another one in another seed."""
    for seed in seeds:
        for episode in read_records(seed.root / arm / f"{name}.jsonl", Episode):
            yield episode.model_copy(update={"arena_id": f"{seed.root.name} {episode.arena_id}"})


def rollout_table(seeds: Sequence[Run], arms: Mapping[str, str], tail: int) -> str:
    """F1 of rollouts over the last steps, and over as many at the time when the fastest arm of a seed was through."""
    rows = [["", "F1 at equal steps", "F1 at equal time", "seconds in all"], ["---"] * 4]
    curves = {arm: [seed.curve(arm) for seed in seeds] for arm in arms.values()}
    ends = [min(_times(curve)[-1] for curve in of_seed) for of_seed in zip(*curves.values(), strict=True)]
    for label, arm in arms.items():
        in_time = [_until(curve, end) for curve, end in zip(curves[arm], ends, strict=True)]
        seconds = [float(_times(curve)[-1]) for curve in curves[arm]]
        f1 = (over_seeds([_f1(curve[-tail:]) for curve in of]) for of in (curves[arm], in_time))
        rows.append([label, *f1, over_seeds(seconds, 0)])
    return _lines(rows)


def _times(curve: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Seconds from the run's start to the end of each step; the first one plays ahead, and has programs to load."""
    return np.cumsum([record["time/step_s"] for record in curve])


def _until(curve: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    return [record for record, at in zip(curve, _times(curve), strict=True) if at <= seconds]


def _f1(curve: Sequence[Mapping[str, Any]]) -> float:
    return mean(record["reward/f1"] for record in curve if "reward/f1" in record)


def plot(seeds: Sequence[Run], arms: Mapping[str, str], path: Path) -> None:
    """`CURVES` over updates: the mean of the seeds, and the range of all, over windows of five."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(9, 3.2), layout="constrained")
    for axis, (metric, title) in zip(axes, CURVES.items(), strict=True):
        for label, arm in arms.items():
            if curves := [curve for seed in seeds if (curve := seed.curve(arm))]:  # where anything is trained
                _line(axis, [[record.get(metric, np.nan) for record in curve] for curve in curves], label)
        axis.set(title=title, xlabel="update")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _line(axis: Any, curves: Sequence[Sequence[float]], label: str) -> None:
    window = np.ones(5) / 5
    smooth = np.array([np.convolve(curve, window, "valid") for curve in curves])
    steps = np.arange(len(window), len(window) + smooth.shape[1])
    (line,) = axis.plot(steps, smooth.mean(0), label=label)
    axis.fill_between(steps, smooth.min(0), smooth.max(0), alpha=0.15, color=line.get_color())


def filled(document: str, name: str, content: str) -> str:
    """The document with `content` between the comments `NAME` and `end NAME`.

    Raises:
        ValueError: it has no such place.
    """
    place = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    document, count = place.subn(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", document)
    if count != 1:
        raise ValueError(f"the document has {count} places for {name!r}")
    return document
