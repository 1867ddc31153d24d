"""What selection remembers of an arena: little, so that a file need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data_synthesis.records import Arena, Variant
from data_synthesis.selection.contamination import Contamination
from data_synthesis.selection.difficulty import shape


@dataclass(frozen=True)
class Candidate:
    """An arena of the file.

    Attributes:
        text: what its user says, follow-ups included.
        scenario: by the shape of its gold calls; empty where that is unknown.
        unproved: why it may not be used; empty if it may.
        repeats: what it repeats of a benchmark, in words; empty if nothing.
        names_alone: its tools that share a name, and no more, with a benchmark's function.
    """

    id: str
    text: str
    variant: Variant
    domain: str
    scenario: str
    unproved: str
    repeats: str
    names_alone: int


def candidates(arenas: Iterable[Arena], contamination: Contamination) -> Iterator[Candidate]:
    """One for each arena. Those that are not proved are not compared with benchmarks."""
    for arena in arenas:
        scenario, unproved = _scenario(arena)
        finding = None if unproved else contamination.of(arena)
        yield Candidate(
            id=arena.id,
            text="\n".join([arena.question, *(follow_up.content for follow_up in arena.follow_ups)]),
            variant=arena.variant,
            domain=arena.domain,
            scenario=scenario,
            unproved=unproved,
            repeats=finding.detail if finding else "",
            names_alone=0 if unproved else contamination.names_alone(arena),
        )


def _scenario(arena: Arena) -> tuple[str, str]:
    """The scenario, and why the arena is not proved."""
    report = arena.verification
    if report is None:
        return "", "it was never proved"
    if not report.passed:
        return "", f"its proof failed: {', '.join(report.reasons) or 'no reason given'}"
    try:
        found = shape(arena.gold_calls)
    except ValueError as error:
        return "", f"its report says proved, but {error}"
    return (
        (found.scenario, "")
        if found
        else ("", "its report says proved, but its gold calls have no arguments")
    )
