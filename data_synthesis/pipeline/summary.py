"""The funnel: how many records went into each stage, how many came out, and why the others did not."""

from __future__ import annotations

from pydantic import BaseModel
from rich.table import Table


class StageSummary(BaseModel):
    """Counts of one stage. `rejected` and `failed` count inputs by reason code."""

    stage: str
    inputs: int = 0
    outputs: int = 0
    rejected: dict[str, int] = {}
    failed: dict[str, int] = {}


class Funnel(BaseModel):
    stages: list[StageSummary] = []

    @property
    def outputs(self) -> int:
        """Records that came out of the last stage."""
        return self.stages[-1].outputs if self.stages else 0

    def table(self, title: str = "") -> Table:
        table = Table("stage", title=title or None)
        for column in ("in", "out", "rejected", "failed"):
            table.add_column(column, justify="right")
        table.add_column("why")
        for s in self.stages:
            counts = (s.inputs, s.outputs, sum(s.rejected.values()), sum(s.failed.values()))
            why = ", ".join(f"{reason} {count}" for reason, count in {**s.rejected, **s.failed}.items())
            table.add_row(s.stage, *map(str, counts), why)
        return table
