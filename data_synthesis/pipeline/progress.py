"""A stage on the terminal: how many inputs are settled, how fast, and which share of them gave something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from data_synthesis.pipeline.journal import Outcome

Tick = Callable[[Outcome], None]


def silent(outcome: Outcome) -> None:
    """The tick that shows nothing."""


@contextmanager
def shown(stages: Sequence[str], total: int | None, console: Console | None) -> Iterator[Sequence[Tick]]:
    """Gives a tick for each stage that moves its bar on `console`; without a console, ticks that show nothing.

    `total` is that of the first stage; the others' grow with what the stage before them puts out.
    """
    if console is None:
        yield [silent] * len(stages)
        return
    columns = [
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} a second, yield {task.fields[share]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        totals = [total, *[0] * (len(stages) - 1)]
        tasks = [
            progress.add_task(stage, total=total, rate="-", share="-")
            for stage, total in zip(stages, totals, strict=True)
        ]
        yield [_ticker(progress, *pair) for pair in zip(tasks, [*tasks[1:], None], strict=True)]


def _ticker(progress: Progress, task: TaskID, following: TaskID | None) -> Tick:
    settled = fruitful = outputs = 0

    def tick(outcome: Outcome) -> None:
        nonlocal settled, fruitful, outputs
        settled += 1
        fruitful += bool(outcome.outputs)
        outputs += len(outcome.outputs)
        elapsed = progress.tasks[task].elapsed
        rate = f"{settled / elapsed:.1f}" if elapsed else "-"
        progress.update(task, advance=1, rate=rate, share=f"{fruitful / settled:.0%}")
        if following is not None:
            progress.update(following, total=outputs)

    return tick
