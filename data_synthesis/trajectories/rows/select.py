"""From runs to those worth training on: usable, away from benchmarks, without near repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_synthesis.pipeline import Funnel, Outcome, Rejected
from data_synthesis.records import AgentRun, Trajectory
from data_synthesis.selection.benchmarks import Benchmark
from data_synthesis.selection.contamination import Contamination
from data_synthesis.selection.near_duplicates import Twin, by_shingles
from data_synthesis.selection.sieve import Sieve
from data_synthesis.trajectories.rows.json_texts import packed
from data_synthesis.trajectories.rows.usable import check_usable, query_of


@dataclass(frozen=True)
class SelectSettings:
    """
    Args:
        unjudged: take rows with null scores, and runs that were never judged. Broken ones are never taken.
        near_query: Jaccard similarity of two queries' shingles from which on the later row goes; null compares none.
        near_calls: the same of what was called with which arguments, in order. Rows without calls are not compared.

    Raises:
        ValueError: a similarity is none.
    """

    unjudged: bool = False
    near_query: float | None = 0.8
    near_calls: float | None = 0.9

    def __post_init__(self) -> None:
        for name in ("near_query", "near_calls"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name} must be over 0 and at most 1, or none; not {value!r}")


@dataclass(frozen=True)
class RowCandidate:
    """What selection remembers of a row. Texts are empty where it is rejected at sight.

    Attributes:
        unusable: reason and detail, where it may not be used.
        repeats: what it repeats of a benchmark, in words; empty if nothing.
        names_alone: its tools that share a name, and no more, with a benchmark's function.
    """

    id: str
    query: str = ""
    calls: str = ""
    unusable: tuple[str, str] | None = None
    repeats: str = ""
    names_alone: int = 0


SETTINGS = SelectSettings()


def select_rows(
    runs: Sequence[Trajectory], settings: SelectSettings = SETTINGS, benchmarks: Sequence[Benchmark] = ()
) -> tuple[list[Trajectory], list[Outcome]]:
    """The runs that may be used, in their order, and the others with reasons; the same for the same runs.

    Of rows that nearly repeat each other the first stays. Reasons: those of `check_usable`, `contaminated`,
    `near_query`, `near_calls`.

    Raises:
        MissingLibrary: datasketch, unless nothing is compared.
    """
    sieve = sift(runs, settings, benchmarks)
    return [runs[position] for position in sieve.left], [outcome for _, outcome in sieve.rejects()]


def sift(
    runs: Iterable[Trajectory], settings: SelectSettings, benchmarks: Sequence[Benchmark]
) -> Sieve[RowCandidate]:
    """As `select_rows`, as positions and a funnel: of each run only a candidate is kept in memory."""
    contamination = Contamination(benchmarks)
    sieve = Sieve([_candidate(run, settings, contamination) for run in runs])
    unusable = {place: sieve.candidates[place].unusable for place in sieve.left}
    sieve.reject_each("usable", {place: found for place, found in unusable.items() if found})
    if benchmarks:
        sieve.reject_if("decontaminate", "contaminated", "repeats")
    _drop_repeats(sieve, "near_query", settings.near_query, lambda candidate: candidate.query)
    _drop_repeats(sieve, "near_calls", settings.near_calls, lambda candidate: candidate.calls)
    return sieve


def funnel_of(before: Funnel | None, sieve: Sieve[RowCandidate]) -> Funnel:
    """The funnel of the run that made the rows, and of their selection."""
    return Funnel(stages=[*(before.stages if before else ()), *sieve.funnel.stages])


def _candidate(run: Trajectory, settings: SelectSettings, contamination: Contamination) -> RowCandidate:
    try:
        check_usable(run, unjudged=settings.unjudged)
    except Rejected as no:
        return RowCandidate(run.id, unusable=(no.reason, no.detail))
    return RowCandidate(
        run.id,
        query=query_of(run),
        calls=calls_text(run),
        repeats=next(_repeats(run, contamination), ""),
        names_alone=contamination.tool_names_alone(run.tools),
    )


def calls_text(run: Trajectory) -> str:
    """What was called, one call a line, with arguments; the server first where it is known, as names are common."""
    server = run.task.server_id if isinstance(run, AgentRun) else ""
    calls = [call for message in run.messages for call in message.tool_calls]
    lines = [f"{server} {call.name} {packed(dict(sorted(call.arguments.items())))}" for call in calls]
    return "\n".join(lines)


def _repeats(run: Trajectory, contamination: Contamination) -> Iterator[str]:
    """What every user message repeats, the task's query too, then what the tools do."""
    said = [message.content for message in run.messages if message.role == "user"]
    for text in dict.fromkeys([query_of(run), *said]):
        if finding := contamination.of_text(text):
            yield finding.detail
    for finding in contamination.of_tools(run.tools):
        yield finding.detail


def _drop_repeats(
    sieve: Sieve[RowCandidate], stage: str, threshold: float | None, text: Callable[[RowCandidate], str]
) -> None:
    if threshold is None:
        return
    places = [place for place in sieve.left if text(sieve.candidates[place])]
    twins = by_shingles((text(sieve.candidates[place]) for place in places), threshold)
    details = {
        place: _like(twin, sieve.candidates[places[twin.position]].id)
        for place, twin in zip(places, twins, strict=True)
        if twin
    }
    sieve.reject(stage, stage, details)


def _like(twin: Twin, other: str) -> str:
    return f"{twin.measure} {twin.similarity:.3f} with row {other}"
