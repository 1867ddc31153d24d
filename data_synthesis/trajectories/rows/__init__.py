"""Rows of judged runs: measured, selected, and written as others train on them."""

from data_synthesis.trajectories.rows.convert import TARGETS, convert_rows
from data_synthesis.trajectories.rows.dataset import write_rows
from data_synthesis.trajectories.rows.files import open_rows, read_row, read_rows, read_usable
from data_synthesis.trajectories.rows.messages import from_chat, to_chat
from data_synthesis.trajectories.rows.reports import select_rows_file, stats_rows
from data_synthesis.trajectories.rows.select import SelectSettings, select_rows
from data_synthesis.trajectories.rows.sources import Sources
from data_synthesis.trajectories.rows.upstream import from_upstream, to_upstream
from data_synthesis.trajectories.rows.usable import check_usable

__all__ = [
    "TARGETS",
    "SelectSettings",
    "Sources",
    "check_usable",
    "convert_rows",
    "from_chat",
    "from_upstream",
    "open_rows",
    "read_row",
    "read_rows",
    "read_usable",
    "select_rows",
    "select_rows_file",
    "stats_rows",
    "to_chat",
    "to_upstream",
    "write_rows",
]
