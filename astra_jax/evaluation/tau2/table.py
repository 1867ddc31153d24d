"""What a set of simulations amounts to: a row a domain, with pass^k over the tries at each task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from astra_jax.evaluation.passes import pass_rates
from astra_jax.evaluation.tau2.records import Tau2Item, Tau2Run


def summarise(items: Sequence[Tau2Item], runs: Iterable[Tau2Run], seed: int = 0) -> dict[str, Any]:
    """pass@k and pass^k by domain, where a try passes with the whole reward.

    A try without a run is unknown: it is counted, and left out.

    Returns:
        `{domain: {"tasks", "tries", "unknown", "ended": {why: count}, "passes": as `pass_rates` says}}`.
    """
    tries, ended = defaultdict(lambda: defaultdict(list)), defaultdict(Counter)
    for run in runs:
        tries[run.domain][run.task].append(run.reward == 1.0)
        ended[run.domain][run.ended] += 1
    wanted: dict[str, list[str]] = defaultdict(list)
    for item in items:
        wanted[item.domain].append(item.task)
    return {
        domain: {
            "tasks": len(set(tasks)),
            "tries": len(tasks),
            "unknown": len(tasks) - sum(map(len, tries[domain].values())),
            "ended": dict(ended[domain]),
            "passes": pass_rates(tries[domain], seed),
        }
        for domain, tasks in wanted.items()
    }


def table(summary: Mapping[str, Any], title: str) -> Table:
    """A summary for rich to print, in percent."""
    names = list(dict.fromkeys(name for row in summary.values() for name in row["passes"] if "^" in name))
    shown = Table(title=title, box=SIMPLE_HEAD)
    shown.add_column("", no_wrap=True)
    for column in ("tasks", "tries", "unknown", *names):
        shown.add_column(column, justify="right")
    for domain, row in summary.items():
        counts = (str(row[what]) for what in ("tasks", "tries", "unknown"))
        shown.add_row(domain, *counts, *(Text(_cell(row["passes"].get(name))) for name in names))
    return shown


def _cell(rate: Mapping[str, Any] | None) -> str:
    if rate is None:
        return "unknown"
    low, high = rate["ci95"]
    return f"{100 * rate['mean']:.1f} [{100 * low:.0f}, {100 * high:.0f}]"
