"""How many arenas each check of the proof saw, and how many it refused, for which reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from data_synthesis.arenas.proof import CHECKS
from data_synthesis.records import Arena, BadRecord


@dataclass(frozen=True)
class CheckCount:
    """Arenas that came to a check, those that it let through, and the others by reason, the most frequent first."""

    check: str
    inputs: int
    outputs: int
    rejected: dict[str, int]


def funnel(proved: Iterable[Arena], rejects: Sequence[BadRecord] = ()) -> list[CheckCount]:
    """The checks in their order. An arena that fails several counts at the first, under its first reason there.

    Args:
        proved: arenas with their reports.
        rejects: what could not be read as an arena.
    """
    refused: dict[str, Counter[str]] = {name: Counter() for name in ("read", *CHECKS)}
    refused["read"].update(bad.reason for bad in rejects)
    left = len(rejects)
    for arena in proved:
        assert arena.verification is not None
        left += 1
        failed = [check for check in arena.verification.checks if not check.passed]
        if failed:
            refused[failed[0].name][failed[0].reason] += 1
    counts: list[CheckCount] = []
    for name, reasons in refused.items():
        inputs, left = left, left - reasons.total()
        counts.append(CheckCount(name, inputs, left, dict(sorted(reasons.items(), key=_by_count))))
    return counts


def table(counts: Iterable[CheckCount]) -> Table:
    """The funnel for a terminal."""
    shown = Table("check", title="arenas, check by check")
    for column in ("in", "out", "rejected"):
        shown.add_column(column, justify="right")
    shown.add_column("why")
    for count in counts:
        why = ", ".join(f"{reason} {number}" for reason, number in count.rejected.items())
        rejected = count.inputs - count.outputs
        shown.add_row(count.check, str(count.inputs), str(count.outputs), str(rejected), why)
    return shown


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
