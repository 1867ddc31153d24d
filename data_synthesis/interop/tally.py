"""What a data set's card counts while its rows are written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import get_args

from data_synthesis.interop.licences import UNKNOWN, sources_of
from data_synthesis.records import Arena, Scenario

# Percent of the paper's RL data of 6,596 instances (arXiv 2601.21558).
PAPER_MIX: dict[Scenario, float] = {
    "single_hop": 6.8,
    "parallel_single_hop": 10.6,
    "multi_hop": 34.8,
    "parallel_multi_hop": 47.8,
}
assert set(PAPER_MIX) == set(get_args(Scenario))


@dataclass
class Tally:
    """Counts of arenas; `gold_calls`, `tools` and `distractors` count those."""

    arenas: int = 0
    gold_calls: int = 0
    tools: int = 0
    distractors: int = 0
    scenarios: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    teachers: Counter[tuple[str, str]] = field(default_factory=Counter)  # and the version of the last prompt
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)  # and their licences
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    checks: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, arena: Arena) -> None:
        self.arenas += 1
        self.gold_calls += len(arena.gold_calls)
        self.tools += len(arena.tools)
        self.distractors += len(arena.distractors)
        self.scenarios[arena.scenario] += 1
        self.domains[arena.domain] += 1
        self.languages[_language(arena)] += 1
        self.variants[arena.variant] += 1
        self.teachers[arena.provenance.teacher or UNKNOWN, arena.provenance.prompt_version or UNKNOWN] += 1
        self.sources.update(sources_of(arena))
        self._add_report(arena)

    def _add_report(self, arena: Arena) -> None:
        report = arena.verification
        if report is None:
            self.verdicts["not proved"] += 1
            return
        self.verdicts["proved" if report.passed else "failed"] += 1
        self.reasons.update(set(report.reasons))
        self.checks[tuple(dict.fromkeys(check.name for check in report.checks))] += 1


def _language(arena: Arena) -> str:
    said = (arena.model_extra or {}).get("language")
    return said if isinstance(said, str) and said else UNKNOWN
