"""Arenas straight from the procedural generators: made and proved by several processes, written in order."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import track

from data_synthesis.arenas import prove_all
from data_synthesis.records import Arena, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox
from data_synthesis.teacher.procedural import Options, make_arenas

_PART = 50  # arenas of one task: long against handing it over, short against a progress bar's patience


class NotProved(RuntimeError):
    """A generated arena fails its proof: a generator is wrong, and its arenas must not be used."""


@dataclass(frozen=True)
class Recipe:
    """Which arenas to make. The same recipe gives the same bytes, however many processes make them."""

    count: int
    seed: int
    domains: tuple[str, ...]
    options: Options


def generate_arenas(
    path: str | Path, recipe: Recipe, *, minimum: ConfinementLevel, console: Console, workers: int = 2
) -> int:
    """Makes and proves the arenas of `recipe` and writes them to `path`. Returns their number.

    Args:
        minimum: least confinement accepted, of the sandbox that each process opens.
        workers: processes. They start anew, so a script that calls this needs the usual `__main__` guard.

    Raises:
        NotProved: names the arena and the reasons.
        SandboxUnavailable: a sandbox failed, so nothing is known.
    """
    parts = [range(first, min(first + _PART, recipe.count)) for first in range(0, recipe.count, _PART)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        made = pool.map(partial(_made_and_proved, recipe, minimum), parts)
        shown = track(made, "making and proving arenas", len(parts), console=console, transient=True)
        lines = chain.from_iterable(shown if console.is_terminal else made)
        return write_records(path, (Arena.model_validate_json(line) for line in lines))


def _end_with_parent() -> None:
    """Ends this worker, and with it its sandbox, when the process that started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)  # the main thread may wait for work for ever: nobody closes the queue of a killed parent

    threading.Thread(target=watch, daemon=True).start()


@cache
def _sandbox(minimum: ConfinementLevel) -> LocalSandbox:
    """The sandbox of this worker. Opened with its first work, whose failures reach the caller as they are."""
    return LocalSandbox(minimum)


def _made_and_proved(recipe: Recipe, minimum: ConfinementLevel, part: Sequence[int]) -> list[str]:
    made = make_arenas(
        len(part), seed=recipe.seed, domains=recipe.domains, options=recipe.options, first=part[0]
    )
    return [arena.model_dump_json() for arena in _accepted(prove_all(made, _sandbox(minimum), workers=1))]


def _accepted(arenas: Iterator[Arena]) -> Iterator[Arena]:
    for arena in arenas:
        report = arena.verification
        if report is None or not report.passed:
            reasons = ", ".join(report.reasons) if report else "no report"
            raise NotProved(f"generated arena {arena.id} ({arena.domain}) is not proved: {reasons}")
        yield arena
