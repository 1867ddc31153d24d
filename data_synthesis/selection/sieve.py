"""Which arenas of a file are left, and why the others are not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from data_synthesis.pipeline import Funnel, Outcome, StageSummary
from data_synthesis.pipeline.lines import json_line
from data_synthesis.selection.candidates import Candidate


class Sieve:
    """Candidates go through stages, and each stage takes some out. Positions are those in the file, from 0."""

    def __init__(self, candidates: Sequence[Candidate]):
        self.candidates = candidates
        self.left = list(range(len(candidates)))
        self.funnel = Funnel()
        self._rejects: dict[int, tuple[str, Outcome]] = {}

    def reject(self, stage: str, reason: str, details: Mapping[int, str]) -> None:
        """Takes the positions in `details` out, with what there is to say of each, and counts the stage."""
        before = len(self.left)
        self.left = [position for position in self.left if position not in details]
        for position, detail in details.items():
            name = self.candidates[position].id
            outcome = Outcome(input_id=name, status="rejected", reason=reason, detail=detail)
            self._rejects[position] = (stage, outcome)
        rejected = {reason: len(details)} if details else {}
        self.funnel.stages.append(
            StageSummary(stage=stage, inputs=before, outputs=len(self.left), rejected=rejected)
        )

    def reject_if(self, stage: str, reason: str, attribute: str) -> None:
        """Takes out the candidates of which `attribute` says something: that is the detail."""
        found = {position: getattr(self.candidates[position], attribute) for position in self.left}
        self.reject(stage, reason, {position: detail for position, detail in found.items() if detail})

    def variants(self) -> list[list[int]]:
        """The positions that are left, by variant."""
        groups: dict[str, list[int]] = defaultdict(list)
        for position in self.left:
            groups[self.candidates[position].variant].append(position)
        return list(groups.values())

    def scenarios(self) -> Counter[str]:
        """How many are left of each scenario."""
        return Counter(self.candidates[position].scenario for position in self.left)

    def reject_lines(self) -> Iterator[str]:
        """What was taken out, in the order of the file, as lines of a pipeline's rejects file."""
        for _, (stage, outcome) in sorted(self._rejects.items()):
            yield json_line({"stage": stage, **outcome.model_dump(exclude={"outputs"})})
