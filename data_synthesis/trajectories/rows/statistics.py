"""What a file of rows holds, counted in one pass, beside the paper's figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.table import Table

from data_synthesis.records import AgentRun, Message, Trajectory
from data_synthesis.trajectories.rows.usable import called, language_of, scores_of

# ASTRA (arXiv 2601.21558), its SFT data set.
PAPER = {
    "rows": "54,885",
    "messages": "580,983",
    "messages per row": "10.59",
    "calls per row": "4.42",
    "rows with 1 to 5 calls": "72.2 %",
    "distinct functions called": "6,765",
    "messages of tools": "41.8 %",
    "messages of assistants": "39.3 %",
}
_SHOWN = 20  # of the most common


@dataclass
class ScoreCount:
    """One dimension's scores. `nulls` counts those that a judge owes; `by` the judgements by rule or model."""

    known: int = 0
    total: float = 0.0
    nulls: int = 0
    by: Counter[str] = field(default_factory=Counter)

    def add(self, score: float | None) -> None:
        if score is None:
            self.nulls += 1
        else:
            self.known += 1
            self.total += score

    @property
    def mean(self) -> float | None:
        return self.total / self.known if self.known else None


@dataclass
class RowStatistics:
    """Counts of rows. Memory is that of the names that occur.

    Attributes:
        calling, parallel: assistant messages with calls, and with several.
        short: rows with 1 to 5 calls.
        events: how executed calls went, where the run recorded that; `injected` counts failures made on purpose.
    """

    rows: int = 0
    messages: int = 0
    calls: int = 0
    calling: int = 0
    parallel: int = 0
    short: int = 0
    injected: int = 0
    functions: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)
    roles: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    scores: dict[str, ScoreCount] = field(default_factory=lambda: defaultdict(ScoreCount))

    def add(self, row: Trajectory) -> None:
        names = called(row)
        self.rows += 1
        self.messages += len(row.messages)
        self.calls += len(names)
        self.short += 1 <= len(names) <= 5
        self.functions.update(names)
        self.offered.update(tool.name for tool in row.tools)
        self.languages[language_of(row)] += 1
        self.domains[row.domain or "none"] += 1
        for message in row.messages:
            self._add_message(message)
        for name, score in scores_of(row).items():
            self.scores[name].add(score)
        self._add_run(row)

    def _add_message(self, message: Message) -> None:
        self.roles[message.role] += 1
        self.calling += bool(message.tool_calls)
        self.parallel += len(message.tool_calls) > 1

    def _add_run(self, row: Trajectory) -> None:
        if not isinstance(row, AgentRun):
            self.statuses[row.status] += 1
            return
        self.statuses[row.status if row.status == row.outcome else f"{row.status}: {row.outcome}"] += 1
        self.events.update(event.status for event in row.events)
        self.injected += sum(event.injected is not None for event in row.events)
        for name, judgement in row.judgements.items():
            self.scores[name].by[judgement.by] += 1

    def figures(self) -> dict[str, str]:
        """The paper's figures of these rows, and more of the kind."""
        return {
            "rows": f"{self.rows:,}",
            "messages": f"{self.messages:,}",
            "messages per row": _ratio(self.messages, self.rows),
            "calls per row": _ratio(self.calls, self.rows),
            "rows with 1 to 5 calls": _share(self.short, self.rows),
            "distinct functions called": f"{len(self.functions):,}",
            "distinct functions offered": f"{len(self.offered):,}",
            "messages of tools": _share(self.roles["tool"], self.messages),
            "messages of assistants": _share(self.roles["assistant"], self.messages),
            "messages of users": _share(self.roles["user"], self.messages),
            "system messages": _share(self.roles["system"], self.messages),
            "calls per calling turn": _ratio(self.calls, self.calling),
            "calling turns with several calls": _share(self.parallel, self.calling),
        }

    def score_rows(self) -> list[tuple[str, str, int, int, int, int]]:
        """Dimension, mean of the known, known, null, judged by rule, judged by model."""
        return [
            (name, _mean(of.mean), of.known, of.nulls, of.by["rule"], of.by["model"])
            for name, of in sorted(self.scores.items())
        ]


def statistics_of(rows: Iterable[Trajectory]) -> RowStatistics:
    statistics = RowStatistics()
    for row in rows:
        statistics.add(row)
    return statistics


def tables(statistics: RowStatistics) -> Iterator[Table]:
    """The figures beside the paper's, then statuses, executed calls, languages, domains and scores."""
    figures = Table("of the rows", title="rows, and the paper's SFT data")
    for column in ("here", "paper"):
        figures.add_column(column, justify="right", no_wrap=True)
    for name, figure in statistics.figures().items():
        figures.add_row(name, figure, PAPER.get(name, ""))
    yield figures
    yield _counts("status", statistics.statuses)
    if statistics.events:
        title = f"{statistics.injected:,} failures were injected" if statistics.injected else ""
        yield _counts("executed call", statistics.events, title)
    yield _counts("language", statistics.languages)
    yield _counts("domain", statistics.domains)
    if statistics.scores:
        yield _scores(statistics)


def _counts(head: str, counts: Counter[str], title: str = "") -> Table:
    table = Table(head, title=title or None)
    for column in ("count", "share"):
        table.add_column(column, justify="right")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered[:_SHOWN]:
        table.add_row(name, f"{count:,}", _share(count, counts.total()))
    if rest := ordered[_SHOWN:]:
        left = sum(count for _, count in rest)
        table.add_row(f"and {len(rest)} more", f"{left:,}", _share(left, counts.total()))
    return table


def _scores(statistics: RowStatistics) -> Table:
    table = Table("score")
    for column in ("mean", "known", "null", "by rule", "by model"):
        table.add_column(column, justify="right")
    for row in statistics.score_rows():
        table.add_row(*map(str, row))
    return table


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "none"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _mean(mean: float | None) -> str:
    return "none" if mean is None else f"{mean:.3f}"
