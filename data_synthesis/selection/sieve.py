"""Which records of a file are left, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from data_synthesis.pipeline import Funnel, Outcome, StageSummary
from data_synthesis.pipeline.lines import json_line


class Named(Protocol):
    @property
    def id(self) -> str: ...


C = TypeVar("C", bound=Named)


class Sieve(Generic[C]):
    """Candidates go through stages, and each stage takes some out. Positions are those in the file, from 0."""

    def __init__(self, candidates: Sequence[C]):
        self.candidates = candidates
        self.left = list(range(len(candidates)))
        self.funnel = Funnel()
        self._rejects: dict[int, tuple[str, Outcome]] = {}

    def reject(self, stage: str, reason: str, details: Mapping[int, str]) -> None:
        """Takes the positions in `details` out, with what there is to say of each, and counts the stage."""
        self.reject_each(stage, {position: (reason, detail) for position, detail in details.items()})

    def reject_each(self, stage: str, verdicts: Mapping[int, tuple[str, str]]) -> None:
        """As `reject`, with a reason and a detail for each position."""
        before = len(self.left)
        self.left = [position for position in self.left if position not in verdicts]
        for position, (reason, detail) in verdicts.items():
            name = self.candidates[position].id
            outcome = Outcome(input_id=name, status="rejected", reason=reason, detail=detail)
            self._rejects[position] = (stage, outcome)
        rejected = dict(Counter(reason for reason, _ in verdicts.values()))
        self.funnel.stages.append(
            StageSummary(stage=stage, inputs=before, outputs=len(self.left), rejected=rejected)
        )

    def reject_if(self, stage: str, reason: str, attribute: str) -> None:
        """Takes out the candidates of which `attribute` says something: that is the detail."""
        found = {position: getattr(self.candidates[position], attribute) for position in self.left}
        self.reject(stage, reason, {position: detail for position, detail in found.items() if detail})

    def rejects(self) -> list[tuple[str, Outcome]]:
        """What was taken out, in the order of the file, with the stage that did."""
        return [verdict for _, verdict in sorted(self._rejects.items())]

    def reject_lines(self) -> Iterator[str]:
        """What was taken out, in the order of the file, as lines of a pipeline's rejects file."""
        for stage, outcome in self.rejects():
            yield json_line({"stage": stage, **outcome.model_dump(exclude={"outputs"})})
