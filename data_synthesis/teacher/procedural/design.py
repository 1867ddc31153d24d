"""How one tool looks from outside and inside, drawn before its document and its source are written."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from data_synthesis.teacher.procedural import formulas
from data_synthesis.teacher.procedural.domain import Column, Lookup

BRIEF_VERBS = ("get", "find", "check", "lookup")
NAMES = (
    "get_{stem}",
    "find_{stem}",
    "lookup_{stem}",
    "fetch_{stem}",
    "check_{stem}",
    "query_{stem}",
    "{stem}_lookup",
    "{stem}_finder",
    "{stem}_service",
)
CALC_NAMES = ("calculate_{stem}", "compute_{stem}", "get_{stem}", "{stem}_calculator")
STYLES = ("mapping", "records", "columns", "text", "objects", "dataclass")
SHAPES = ("flat", "flat", "echo", "nested")


@dataclass(frozen=True)
class Design:
    """`parameters` names the argument for each given column, `shape` is the layout of the output.

    `details` columns are shown when the caller asks for them; `unit` and `date_format` are optional parameters.
    """

    lookup: Lookup
    name: str
    parameters: dict[str, str]
    style: str
    shape: str = "flat"
    unit: str | None = None
    date_format: bool = False
    details: tuple[Column, ...] = ()

    @property
    def result(self) -> str:
        return self.lookup.asked.name

    @property
    def units(self) -> dict[str, tuple[float, float, str]]:
        measure = self.lookup.asked.kind.measure
        return formulas.MEASURES[measure][1] if measure else {}


class Designer:
    """Draws designs for the tools of one arena."""

    def __init__(self, rng: Random, brief: bool):
        self.rng, self.brief = rng, brief
        self.verb = rng.choice(BRIEF_VERBS)

    def design(self, lookup: Lookup) -> Design:
        if self.brief:
            names = {c.name: c.name for c in (*lookup.given, *lookup.extra)}
            return Design(lookup, f"{self.verb}_{lookup.stem}", names, self.rng.choice(STYLES))
        names = {c.name: c.arg for c in (*lookup.given, *lookup.extra)}
        patterns = CALC_NAMES if lookup.formula else NAMES
        asked = lookup.asked.kind
        return Design(
            lookup,
            self.rng.choice(patterns).format(stem=lookup.stem),
            names,
            self.rng.choice(STYLES),
            shape=self.rng.choice(SHAPES),
            unit=formulas.MEASURES[asked.measure][0] if asked.measure else None,
            date_format=asked.schema.get("format") == "date" and self.rng.random() < 0.6,
            details=self._details(lookup),
        )

    def _details(self, lookup: Lookup) -> tuple[Column, ...]:
        """Other columns of the table that the tool shows on request; none that is itself asked for is needed."""
        others = [c for c in lookup.table.columns if c.name not in lookup.uses and c not in lookup.given]
        plain = [c for c in others if c.entity is None and not c.kind.measure]
        if not plain or self.rng.random() < 0.6:
            return ()
        return (self.rng.choice(plain),)
