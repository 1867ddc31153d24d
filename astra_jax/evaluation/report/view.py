"""What a page shows, once read and counted: plain data for the template and for the page's scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Longer texts are cut in the page, and say so: a tool may print a megabyte.
MAX_TEXT = 20_000


class NothingToReport(ValueError):
    """What stands at a path is neither a run nor a file of records."""


@dataclass(frozen=True)
class Tile:
    """A headline number."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Bar:
    label: str
    value: str
    percent: float


@dataclass(frozen=True)
class BarList:
    title: str
    bars: list[Bar]


@dataclass(frozen=True)
class Mark:
    """A dot and its interval, in percent of the strip's width."""

    stage: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MetricRow:
    """A row of the before/after table: one cell (mean, interval) a stage, and the strip that draws them."""

    metric: str
    gloss: str
    cells: list[tuple[str, str]]
    marks: list[Mark]
    top: str


@dataclass(frozen=True)
class Comparison:
    stages: list[str]
    rows: list[MetricRow]
    note: str


@dataclass
class View:
    """A page. `charts` and `browser` are drawn by the page's scripts, all else by its template."""

    title: str
    kind: str
    tiles: list[Tile] = field(default_factory=list)
    comparison: Comparison | None = None
    bar_lists: list[BarList] = field(default_factory=list)
    charts: list[dict[str, Any]] = field(default_factory=list)
    browser: Browser | None = None
    documents: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


@dataclass
class Browser:
    """The records that can be looked at one by one, out of `total`. `shared` is what several entries refer to."""

    kind: Literal["episodes", "arenas", "trajectories"]
    entries: list[dict[str, Any]]
    total: int
    shared: dict[str, Any] = field(default_factory=dict)


def clip(text: str) -> str:
    """`text`, cut to `MAX_TEXT` characters with a note of how many are missing."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT:,} more characters are not in this page"


def json_text(value: Any) -> str:
    """`value` as JSON text, for the page to indent. As a value, a script would turn 1.0 into 1."""
    return clip(json.dumps(value, ensure_ascii=False))


def count_bars(title: str, counts: Mapping[str, int]) -> BarList:
    """Counts as bars, in the order given; each bar's length is relative to the largest."""
    largest = max(counts.values(), default=1)
    return BarList(title, [Bar(label, f"{n:,}", 100 * n / largest) for label, n in counts.items()])
