"""What a conversion refused: counted by reason for people, and in full for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from data_synthesis.arenas.rl_rows import NotARow
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import replacing
from data_synthesis.records import BadRecord

_SHOWN = 5  # in the terminal


@dataclass
class Refusals:
    """Records that could not be read, and arenas that the target cannot carry."""

    unread: list[BadRecord] = field(default_factory=list)
    unwritten: list[NotARow] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.unread) + len(self.unwritten)

    def report(self, out: Path, console: Console) -> None:
        """Shows them, and writes `OUT.rejects.jsonl` with one JSON object a refusal, or removes an older one.

        Raises:
            PipelineError: it cannot be written.
        """
        self.show(console)
        path = out.with_name(out.name + ".rejects.jsonl")
        if not self.count:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as lines:
            lines.writelines(json_line(line) for line in self.lines())

    def show(self, console: Console) -> None:
        """Prints a table of reasons, and the first refusals."""
        if not self.count:
            return
        table = Table("reason", "records", title="what was refused")
        for reason, count in Counter(each.reason for each in self._all()).most_common():
            table.add_row(reason, str(count))
        console.print(table)
        for number, each in enumerate(self._all(), 1):
            if number > _SHOWN:
                console.print(f"and {self.count - _SHOWN} more")
                return
            console.print(f"{each.reason}: {each}", markup=False, soft_wrap=True)

    def _all(self) -> Iterator[BadRecord | NotARow]:
        yield from self.unread
        yield from self.unwritten

    def lines(self) -> Iterator[dict[str, Any]]:
        """One object a refusal: where it stands, its reason and its detail."""
        for bad in self.unread:
            where = {"file": str(bad.path), "line": bad.line, "field": bad.field}
            yield {**where, "reason": bad.reason, "detail": bad.problem}
        for no in self.unwritten:
            yield {"arena": no.arena_id, "reason": no.reason, "detail": str(no)}
