"""Arenas straight from the procedural generators: made, proved, written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from data_synthesis.arenas import prove_all
from data_synthesis.records import Arena, write_records
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.procedural import Options, make_arenas


class NotProved(RuntimeError):
    """A generated arena fails its proof: a generator is wrong, and its arenas must not be used."""


def generate_arenas(
    path: str | Path,
    count: int,
    *,
    seed: int,
    domains: Sequence[str],
    options: Options,
    sandbox: Sandbox,
    console: Console,
) -> list[Arena]:
    """Makes and proves `count` arenas and writes them to `path`; the same arguments give the same bytes.

    Raises:
        NotProved: names the arena and the reasons.
        SandboxUnavailable: the sandbox failed, so nothing is known.
    """
    made = make_arenas(count, seed=seed, domains=domains, options=options)
    proved = list(_accepted(prove_all(made, sandbox), count, console))
    write_records(path, proved)
    return proved


def _accepted(arenas: Iterator[Arena], count: int, console: Console) -> Iterator[Arena]:
    label = "making and proving arenas"
    for arena in track(
        arenas, label, total=count, console=console, transient=True, disable=not console.is_terminal
    ):
        report = arena.verification
        if report is None or not report.passed:
            reasons = ", ".join(report.reasons) if report else "no report"
            raise NotProved(f"generated arena {arena.id} ({arena.domain}) is not proved: {reasons}")
        yield arena
