"""What an intake dropped, and why: each drop in full, and counts by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import replacing
from data_synthesis.pipeline.summary import Funnel, StageSummary

SERVER_DROPPED = "server_dropped"


@dataclass(frozen=True)
class Drop:
    """A tool, or a whole server where `tool` is empty. `reason` is a code; `where` names the file and the line."""

    server: str
    tool: str
    reason: str
    detail: str
    where: str


@dataclass
class IntakeReport:
    """Counts of an intake while it goes on, and of several one after the other.

    Args:
        servers: those that were offered, unreadable lines included.
        kept: those that came out.
        tools: those of the offered servers that could be read at all.
        tools_kept: those of the servers that came out.
        changes: tools and texts that were changed, by what was done to them.
    """

    servers: int = 0
    kept: int = 0
    tools: int = 0
    tools_kept: int = 0
    drops: list[Drop] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)

    def summary(self) -> StageSummary:
        """The stage `intake` of a funnel, in servers."""
        reasons = Counter(drop.reason for drop in self.drops if not drop.tool)
        return _stage("intake", self.servers, self.kept, reasons)

    def tool_summary(self) -> StageSummary:
        """The same in tools. `server_dropped` counts the good ones of dropped servers."""
        reasons = Counter(drop.reason for drop in self.drops if drop.tool)
        lost = self.tools - self.tools_kept - reasons.total()
        return _stage(
            "intake, in tools", self.tools, self.tools_kept, reasons + Counter({SERVER_DROPPED: lost})
        )

    def funnel(self) -> Funnel:
        """Servers and tools as two rows of a table."""
        return Funnel(stages=[self.summary(), self.tool_summary()])

    def lines(self) -> Iterator[dict[str, str]]:
        """One object a drop: `server`, `tool`, `reason`, `detail`, `where`."""
        return (asdict(drop) for drop in self.drops)

    def write(self, path: str | Path) -> None:
        """Writes `lines` as JSONL.

        Raises:
            PipelineError: it cannot be written.
        """
        with replacing(Path(path)) as out:
            out.writelines(json_line(line) for line in self.lines())


def _stage(name: str, inputs: int, outputs: int, reasons: Counter[str]) -> StageSummary:
    return StageSummary(stage=name, inputs=inputs, outputs=outputs, rejected=dict(reasons.most_common()))
