"""How far a run is: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0


class StepProgress:
    """A context manager that is told of each finished step with its figures; also a metrics `Writer`."""

    def __init__(self, title: str, steps: int, done: int = 0, console: Console | None = None):
        self.title, self.steps = title, steps
        self.console = console or Console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=steps, completed=done, figures="")
        self._last_line = float("-inf")

    def __enter__(self) -> StepProgress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def __call__(self, step: int, metrics: Mapping[str, Any]) -> None:
        figures = "  ".join(f"{name} {_shown(value)}" for name, value in metrics.items())
        self._bar.update(self._task, completed=step, figures=figures)
        if not self.console.is_terminal and self._line_is_due(step):
            self.console.print(f"{self.title} {step}/{self.steps}  {figures}", highlight=False)

    def _line_is_due(self, step: int) -> bool:
        due = time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES or step == self.steps
        if due:
            self._last_line = time.monotonic()
        return due


def _shown(value: Any) -> str:
    return "unknown" if value is None else f"{value:.4g}"
