"""Counts over a data set, made while its records pass by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from astra_jax.evaluation.report.view import BarList, Tile, count_bars
from data_synthesis.records import Arena, Trajectory


class ArenaTally:
    """What a set of arenas consists of."""

    def __init__(self) -> None:
        self.count = 0
        self.domains: Counter[str] = Counter()
        self.scenarios: Counter[str] = Counter()
        self.variants: Counter[str] = Counter()
        self.sub_questions: Counter[int] = Counter()
        self.tools: Counter[int] = Counter()
        self.teachers: Counter[str] = Counter()
        self.proofs: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def passing(self, arenas: Iterable[Arena]) -> Iterator[Arena]:
        """The same arenas, each counted as it is handed on."""
        for arena in arenas:
            self._add(arena)
            yield arena

    def _add(self, arena: Arena) -> None:
        self.count += 1
        self.domains[arena.domain] += 1
        self.scenarios[arena.scenario] += 1
        self.variants[arena.variant] += 1
        self.sub_questions[len(arena.gold_calls)] += 1
        self.tools[len(arena.tools) + len(arena.distractors)] += 1
        self.teachers[arena.provenance.teacher or "unknown"] += 1
        self.proofs[proof_status(arena)] += 1
        if arena.verification:
            self.reasons.update(set(arena.verification.reasons))

    def tiles(self) -> list[Tile]:
        proved = self.proofs["proved"]
        return [
            Tile("Arenas", f"{self.count:,}", f"teacher: {_names(self.teachers)}"),
            Tile("Domains", f"{len(self.domains):,}"),
            Tile("Proved", f"{proved:,}", f"of {self.count:,}"),
        ]

    def bars(self) -> list[BarList]:
        lists = [
            _by_count("Arenas by domain", self.domains),
            _by_count("By scenario", self.scenarios),
            _by_count("By variant", self.variants),
            _by_number("By number of sub-questions", self.sub_questions),
            _by_number("By number of tools, distractors included", self.tools),
            _by_count("By proof", self.proofs),
            _by_count("Reasons of failed proofs", self.reasons),
        ]
        return [bars for bars in lists if bars.bars]


class TrajectoryTally:
    """What a set of trajectories consists of."""

    def __init__(self) -> None:
        self.count = 0
        self.domains: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.messages: Counter[int] = Counter()
        self.calls: Counter[int] = Counter()

    def passing(self, trajectories: Iterable[Trajectory]) -> Iterator[Trajectory]:
        """The same trajectories, each counted as it is handed on."""
        for trajectory in trajectories:
            self.count += 1
            self.domains[trajectory.domain or "unknown"] += 1
            self.statuses[trajectory.status] += 1
            self.messages[len(trajectory.messages)] += 1
            self.calls[sum(len(message.tool_calls) for message in trajectory.messages)] += 1
            yield trajectory

    def tiles(self) -> list[Tile]:
        calls = sum(number * count for number, count in self.calls.items())
        return [
            Tile("Trajectories", f"{self.count:,}"),
            Tile("Domains", f"{len(self.domains):,}"),
            Tile("Tool calls", f"{calls:,}"),
        ]

    def bars(self) -> list[BarList]:
        return [
            _by_count("Trajectories by domain", self.domains),
            _by_count("By status", self.statuses),
            _by_number("By number of messages", self.messages),
            _by_number("By number of tool calls", self.calls),
        ]


def proof_status(arena: Arena) -> str:
    """`proved`, `failed`, or `not proved` where nobody has tried."""
    if arena.verification is None:
        return "not proved"
    return "proved" if arena.verification.passed else "failed"


def _by_count(title: str, counts: Counter[str]) -> BarList:
    return count_bars(title, dict(counts.most_common()))


def _by_number(title: str, counts: Counter[int]) -> BarList:
    return count_bars(title, {str(number): counts[number] for number in sorted(counts)})


def _names(counts: Counter[str]) -> str:
    return ", ".join(name for name, _ in counts.most_common(3))
