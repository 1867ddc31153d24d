"""Reads a file or a folder of rows, whatever it holds: its first record tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data_synthesis.interop.files import Format, read_formats
from data_synthesis.records import AgentRun, BadRecord, Trajectory
from data_synthesis.trajectories.rows.columns import from_columns
from data_synthesis.trajectories.rows.messages import from_chat
from data_synthesis.trajectories.rows.upstream import from_upstream
from data_synthesis.trajectories.rows.usable import check_usable

# In this order: each has the fields of a later one.
FORMATS = (
    Format("an agent's run", frozenset({"messages", "tools", "task"}), AgentRun.model_validate),
    Format("a data set row", frozenset({"messages", "tools", "other"}), from_columns),
    Format("a trajectory", frozenset({"messages", "tools", "schema_version"}), Trajectory.model_validate),
    Format("a released SFT row", frozenset({"trajectory", "mcp_info"}), from_upstream),
    Format("a chat row", frozenset({"messages"}), from_chat),
)


def read_rows(path: str | Path, *, rejects: list[BadRecord] | None = None) -> Iterator[Trajectory]:
    """Yields the rows of a JSONL file, of indented JSON documents, of a Parquet file, or of a data set's folder.

    They come from agent runs, trajectories, chat rows (`messages` and `tools`), upstream's released SFT rows, and the
    data sets that `write_rows` makes. Broken runs and null scores are read too: see `read_usable`.

    Args:
        rejects: if given, what is refused is appended here, with a reason, and reading goes on; otherwise the first
            one raises.

    Raises:
        BadRecord: the first record is of no known kind; and as `rejects` says.
        OSError: no such file.
        PipelineError: the package that reads Parquet is missing.
    """
    return read_formats(path, FORMATS, rejects=rejects)


def read_usable(
    path: str | Path, *, unjudged: bool = False, rejects: list[BadRecord] | None = None
) -> Iterator[Trajectory]:
    """As `read_rows`, of rows that may be trained on: what `check_usable` rejects is refused with its reason."""
    return read_formats(
        path, FORMATS, check=lambda row: check_usable(row, unjudged=unjudged), rejects=rejects
    )
