"""What to do next: the record that has come furthest, so that few are open at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_synthesis.pipeline.journal import Entry, Journal, Outcome
from data_synthesis.pipeline.lines import fingerprint
from data_synthesis.pipeline.progress import Tick, silent
from data_synthesis.pipeline.results import duplicate


@dataclass(frozen=True)
class Work:
    """A record before a stage, as JSON. `level` counts the stages, `turn` the inputs that began before its own."""

    level: int
    id: str
    value: Mapping[str, Any]
    fingerprint: str
    turn: int = 0

    @classmethod
    def of(cls, value: Mapping[str, Any], level: int = 0, turn: int = 0) -> Work:
        return cls(level, value["id"], value, fingerprint(value), turn)


class Agenda:
    """Records on their way through stages, each stage with a journal of what it has settled.

    Of several records with one id only the first to arrive at a stage is worked on there. Which one that is may
    depend on who was faster, so the runner compares it with the order of the inputs afterwards.

    Args:
        inputs: of the first stage, as JSON. Read one at a time, when nothing that began before is left.
        ticks: called with every outcome, one for each stage.
    """

    def __init__(
        self,
        journals: Sequence[Journal],
        inputs: Iterable[Mapping[str, Any]],
        ticks: Sequence[Tick] = (),
    ):
        self.order: list[str] = []  # ids of the inputs taken so far
        self._journals, self._inputs = journals, iter(inputs)
        self._ticks = ticks or [silent] * len(journals)
        self._begun: list[deque[Work]] = [deque() for _ in journals]
        self._seen: list[set[str]] = [set() for _ in journals]

    def take(self, *, new: bool = True) -> Work | None:
        """The record to look at next; None if there is none until something is settled.

        Args:
            new: whether it may be an input that has not begun.
        """
        for waiting in reversed(self._begun):
            if waiting:
                return waiting.popleft()
        value = next(self._inputs, None) if new else None
        if value is None:
            return None
        work = Work.of(value, turn=len(self.order))
        self.order.append(work.id)
        return work

    def is_open(self, work: Work) -> bool:
        """Whether `work` has to be done. If it was done before, its outputs are on the agenda now."""
        if work.id in self._seen[work.level]:
            self._ticks[work.level](duplicate(work.id))
            return False
        self._seen[work.level].add(work.id)
        journal = self._journals[work.level]
        if not journal.settles(work.id, work.fingerprint):
            return True
        self._pass_on(work, journal.read(work.id))
        return False

    def settle(self, work: Work, outcome: Outcome) -> None:
        """Writes `outcome` down and puts its outputs on the agenda.

        Raises:
            PipelineError: the journal cannot be written.
        """
        self._journals[work.level].append(outcome, work.fingerprint)
        self._pass_on(work, outcome)

    def keep(self, level: int, entry: Entry) -> None:
        """Writes down what was settled elsewhere of a record that has yet to come on the agenda.

        Raises:
            PipelineError: the journal cannot be written.
        """
        if not self._journals[level].settles(entry.input_id, entry.fingerprint):
            self._journals[level].append(entry, entry.fingerprint)

    def _pass_on(self, work: Work, outcome: Outcome) -> None:
        self._ticks[work.level](outcome)
        if (level := work.level + 1) < len(self._journals):
            self._begun[level].extend(Work.of(value, level, work.turn) for value in outcome.outputs)
