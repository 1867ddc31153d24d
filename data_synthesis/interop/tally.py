"""What a data set's card counts while its rows are written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from data_synthesis.interop.licences import UNKNOWN, sources_of
from data_synthesis.records import Arena


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
    proofs: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # the checks made, and how, as the report says

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
        checks = ", ".join(dict.fromkeys(check.name for check in report.checks))
        settings = ({"version": report.version} if report.version else {}) | (report.model_extra or {})
        self.proofs[checks, json.dumps(settings, sort_keys=True) if settings else UNKNOWN] += 1


def _language(arena: Arena) -> str:
    said = (arena.model_extra or {}).get("language")
    return said if isinstance(said, str) and said else UNKNOWN
