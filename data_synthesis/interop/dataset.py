"""Data sets as folders that Hugging Face `datasets` loads: Parquet files, and a card that says what may be believed."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_synthesis.arenas.rl_rows import NotARow
from data_synthesis.interop.card import Facts, card
from data_synthesis.interop.files import read_arenas
from data_synthesis.interop.folders import README, replacing_folder
from data_synthesis.interop.rows import to_row
from data_synthesis.interop.tables import SHARD_BYTES, ShardWriter
from data_synthesis.interop.tally import Tally
from data_synthesis.pipeline import Funnel, PipelineError
from data_synthesis.records import Arena, BadRecord

# Config -> its folder. Variants are apart, as the four released columns alone do not say what is withheld.
FOLDERS = {"default": "data", "variants": "variants"}
SPLITS = ("train", "held_out")


def write_dataset(
    arenas: Iterable[Arena],
    out_dir: str | Path,
    *,
    held_out: Iterable[Arena] = (),
    name: str | None = None,
    funnel: Funnel | None = None,
    usage: Mapping[str, Mapping[str, Any]] | None = None,
    licences: Mapping[str, str] | None = None,
    refused: list[NotARow] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Tally:
    """Writes the split `train`, and `held_out` where there is one, beside the folder, which is replaced when complete.

    Args:
        name: of the data set; that of the folder where none is given.
        funnel, usage: of the run that made the arenas, for the card; see `Ledger.usage`.
        licences: name of an input or of a teacher -> SPDX identifier, for the card.
        refused: if given, arenas that no row can carry are appended here; otherwise the first one raises.
        shard_bytes: of text in one file.

    Returns:
        The counts of what was written.

    Raises:
        NotARow: as `refused` says.
        PipelineError: pyarrow is missing, there is no arena, or `out_dir` holds anything but a data set.
    """
    out_dir = Path(out_dir)
    with replacing_folder(out_dir, FOLDERS.values()) as partial:
        writer = _Writer(partial, shard_bytes, refused)
        writer.write("train", arenas)
        writer.write("held_out", held_out)
        if not writer.tally.arenas:
            raise PipelineError(f"there is no arena to write to {out_dir}")
        facts = Facts(
            name or out_dir.resolve().name, writer.splits, writer.tally, funnel, usage, licences or {}
        )
        (partial / README).write_text(card(facts), encoding="utf-8")
    return writer.tally


def read_dataset(
    out_dir: str | Path, split: str | None = None, *, rejects: list[BadRecord] | None = None
) -> Iterator[Arena]:
    """Yields the arenas of a split, or of all splits; of each, those of the config `default` first.

    Raises:
        BadRecord: a row is no arena, when `rejects` is None.
        FileNotFoundError: the folder holds no such split.
        PipelineError: pyarrow is missing.
    """
    splits = [split] if split else SPLITS
    files = [
        file
        for each in splits
        for folder in FOLDERS.values()
        for file in sorted((Path(out_dir) / folder).glob(f"{each}*.parquet"))
    ]
    if not files:
        raise FileNotFoundError(errno.ENOENT, f"holds no {split or 'split'} of a data set", str(out_dir))
    for file in files:
        yield from read_arenas(file, rejects=rejects)


@dataclass
class _Writer:
    """Writes splits into a folder, and counts."""

    folder: Path
    shard_bytes: int
    refused: list[NotARow] | None
    tally: Tally = field(default_factory=Tally)
    splits: dict[str, dict[str, tuple[list[str], int]]] = field(default_factory=dict)

    def write(self, split: str, arenas: Iterable[Arena]) -> None:
        shards = {
            config: ShardWriter(self.folder / inside, split, self.shard_bytes)
            for config, inside in FOLDERS.items()
        }
        rows = Counter[str]()
        for arena in arenas:
            config = "variants" if arena.follow_ups else "default"
            if row := self._row(arena):
                shards[config].add(row)
                self.tally.add(arena)
                rows[config] += 1
        for config, writer in shards.items():
            if paths := writer.close():
                named = [path.relative_to(self.folder).as_posix() for path in paths]
                self.splits.setdefault(config, {})[split] = (named, rows[config])

    def _row(self, arena: Arena) -> dict[str, Any] | None:
        try:
            return to_row(arena)
        except NotARow as no:
            if self.refused is None:
                raise
            self.refused.append(no)
            return None
