"""Data sets of rows as folders that Hugging Face `datasets` loads: Parquet files, and a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data_synthesis.interop.folders import README, replacing_folder
from data_synthesis.interop.tables import SHARD_BYTES, ShardWriter
from data_synthesis.pipeline import Funnel, PipelineError
from data_synthesis.records import Trajectory
from data_synthesis.trajectories.rows.card import Facts, card
from data_synthesis.trajectories.rows.columns import COLUMNS, to_columns
from data_synthesis.trajectories.rows.sources import Sources
from data_synthesis.trajectories.rows.statistics import RowStatistics
from data_synthesis.trajectories.rows.usable import check_usable

FOLDER = "data"


def write_rows(
    rows: Iterable[Trajectory],
    out_dir: str | Path,
    *,
    held_out: Iterable[Trajectory] = (),
    unjudged: bool = False,
    name: str | None = None,
    sources: Sources | None = None,
    teachers: Mapping[str, str] | None = None,
    funnel: Funnel | None = None,
    usage: Mapping[str, Mapping[str, Any]] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> RowStatistics:
    """Writes the split `train`, and `held_out` where there is one, beside the folder, which is replaced when complete.

    Args:
        unjudged: rows with null scores, and runs that were never judged, may be among them.
        name: of the data set; that of the folder where none is given.
        sources: with the servers and licences that are known, for the card.
        teachers: role -> name of those that rows do not name, such as the judge.
        funnel, usage: of the run that made the rows, for the card; see `Ledger.usage`.
        shard_bytes: of text in one file.

    Returns:
        The counts of what was written.

    Raises:
        Rejected: a row may not be trained on, see `check_usable`.
        PipelineError: pyarrow is missing, there is no row, one is in both splits, or `out_dir` holds anything but a
            data set.
    """
    out_dir, sources = Path(out_dir), sources or Sources()
    statistics = RowStatistics()
    written: dict[str, str] = {}  # id -> split
    with replacing_folder(out_dir, [FOLDER]) as partial:
        splits: dict[str, tuple[list[str], int]] = {}
        for split, of in (("train", rows), ("held_out", held_out)):
            before = statistics.rows
            writer = ShardWriter(partial / FOLDER, split, shard_bytes, COLUMNS)
            for row in of:
                check_usable(row, unjudged=unjudged)
                if written.setdefault(row.id, split) != split:
                    raise PipelineError(f"row {row.id} is in both splits, so nothing is held out")
                writer.add(to_columns(row))
                statistics.add(row)
                sources.add(row)
            if paths := writer.close():
                splits[split] = ([f"{FOLDER}/{path.name}" for path in paths], statistics.rows - before)
        if not statistics.rows:
            raise PipelineError(f"there is no row to write to {out_dir}")
        title = name or out_dir.resolve().name
        facts = Facts(
            title, {"default": splits}, statistics, sources, funnel, usage, unjudged, teachers or {}
        )
        (partial / README).write_text(card(facts), encoding="utf-8")
    return statistics
