"""A stage on the terminal: how many inputs are settled, how fast, and which share of them gave something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data_synthesis.pipeline.journal import Outcome

Tick = Callable[[Outcome], None]


def silent(outcome: Outcome) -> None:
    """The tick that shows nothing."""


@contextmanager
def shown(stage: str, total: int | None, console: Console | None) -> Iterator[Tick]:
    """Gives a tick that moves a bar on `console`; without a console, one that shows nothing."""
    if console is None:
        yield silent
        return
    columns = [
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} a second, yield {task.fields[share]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console) as progress:
        yield _ticker(progress, stage, total)


def _ticker(progress: Progress, stage: str, total: int | None) -> Tick:
    task = progress.add_task(stage, total=total, rate="-", share="-")
    settled = fruitful = 0

    def tick(outcome: Outcome) -> None:
        nonlocal settled, fruitful
        settled += 1
        fruitful += bool(outcome.outputs)
        elapsed = progress.tasks[task].elapsed
        rate = f"{settled / elapsed:.1f}" if elapsed else "-"
        progress.update(task, advance=1, rate=rate, share=f"{fruitful / settled:.0%}")

    return tick
