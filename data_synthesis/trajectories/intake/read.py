"""Servers from a file or a folder, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data_synthesis.records import ToolServer
from data_synthesis.trajectories.intake.formats import Kind, raw_servers
from data_synthesis.trajectories.intake.report import IntakeReport
from data_synthesis.trajectories.intake.settings import IntakeSettings
from data_synthesis.trajectories.intake.take_in import take_in


def read_servers(
    path: str | Path,
    kind: Kind = "auto",
    settings: IntakeSettings | None = None,
    report: IntakeReport | None = None,
) -> Iterator[ToolServer]:
    """Yields the servers of a file, or of all files of a folder, that pass the intake.

    Args:
        path: JSON, JSONL, YAML or, for arenas, Parquet.
        kind: the format, or `auto`: every object tells by its fields.
        report: what was dropped, and why; complete when the iterator is exhausted.

    Raises:
        OSError: there is no such file, or it cannot be read.
        PipelineError: a package is missing that reads the format.
    """
    settings = settings or IntakeSettings()
    return take_in(raw_servers(path, kind, settings), settings, report)
