"""Reads a file or a folder of rows, whatever it holds: its first record tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data_synthesis.interop.files import Format, open_values, read_formats, read_value
from data_synthesis.interop.json_values import Numbered
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
    """Yields the rows of a file or folder of any form that `open_values` knows.

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


def open_rows(path: str | Path) -> tuple[str, Iterator[Numbered]]:
    """What kind of rows `path` holds (empty: no object) and their values, to be read by `read_row` in any process.

    Raises as `read_rows`.
    """
    kind, values = open_values(path, FORMATS)
    return (kind.name if kind else ""), values


def read_row(each: Numbered, kind: str) -> Trajectory | BadRecord:
    """The row of a value of `open_rows`, or what is wrong with it."""
    known = next((one for one in FORMATS if one.name == kind), None)
    return read_value(each, known, FORMATS)
