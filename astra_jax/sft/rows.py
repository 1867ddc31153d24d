"""Tokenised rows on disk: made once, complete or absent, and mapped into memory by every run that wants the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, overload
from uuid import uuid4

import numpy as np

from astra_jax.tokens.rows import TokenRow
from astra_jax.training.packing import Sample
from astra_jax.training.run_folder import write_json

_REPORT = "report.json"
# Of each array: its type, and in which count of the report its length is.
_ARRAYS = {
    "ids": (np.int32, "tokens"),
    "row_ends": (np.int64, "rows"),
    "turn_ends": (np.int64, "rows"),
    "turns": (np.int32, "turn_edges"),
    "weights": (np.float32, "turns"),
}


def key(**what: Any) -> str:
    """The name of the rows that are made from `what`: JSON values."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Rows(Sequence[Sample]):
    """The samples in a folder; those that are not looked at are not read."""

    arrays: dict[str, np.ndarray]
    report: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Rows | None:
        """None where the folder is absent, or torn: a file is missing or has another size than it was written with."""
        try:
            report = json.loads((folder / _REPORT).read_text("utf-8"))
            arrays = {name: _mapped(folder / name, report["counts"]) for name in _ARRAYS}
        except (OSError, ValueError, KeyError):
            return None
        return cls(arrays, report["report"])

    def __len__(self) -> int:
        return len(self.arrays["row_ends"])

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return np.diff(self.arrays["row_ends"], prepend=0).tolist()

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start, stop = self._edges("row_ends", index)
        weights = np.zeros(stop - start, np.float32)
        first, last = self._edges("turn_ends", index)
        turns = self.arrays["turns"][2 * first : 2 * last].reshape(-1, 2)
        for (begin, end), weight in zip(turns, self.arrays["weights"][first:last], strict=True):
            weights[begin:end] = weight
        return Sample(self.arrays["ids"][start:stop], weights)

    def _edges(self, name: str, index: int) -> tuple[int, int]:
        ends = self.arrays[name]
        return (int(ends[index - 1]) if index else 0), int(ends[index])


class RowWriter:
    """Writes rows into a folder beside its place, which it takes when `finish` is called."""

    def __init__(self, folder: Path):
        # Not by the process's number: another host may have the same.
        self._folder, self._part = folder, folder.with_name(f"{folder.name}.part-{uuid4().hex[:8]}")
        self._part.mkdir(parents=True)
        self._files: dict[str, BinaryIO] = {name: (self._part / name).open("wb") for name in _ARRAYS}
        self._counts = dict.fromkeys(["rows", "tokens", "turns", "turn_edges"], 0)

    def add(self, row: TokenRow) -> None:
        self._counts["rows"] += 1
        self._counts["tokens"] += len(row.ids)
        self._counts["turns"] += len(row.turns)
        self._counts["turn_edges"] += 2 * len(row.turns)
        self._write("ids", row.ids)
        self._write("row_ends", [self._counts["tokens"]])
        self._write("turn_ends", [self._counts["turns"]])
        self._write("turns", [edge for turn in row.turns for edge in (turn.start, turn.stop)])
        self._write("weights", [turn.weight for turn in row.turns])

    def finish(self, report: Any) -> None:
        for file in self._files.values():
            file.close()
        write_json(self._part / _REPORT, {"report": report, "counts": self._counts})
        try:
            self._part.rename(self._folder)
        except OSError:
            if Rows.open(self._folder) is not None:  # another run was faster
                self.abandon()
                return
            shutil.rmtree(self._folder, ignore_errors=True)  # torn
            self._part.rename(self._folder)

    def abandon(self) -> None:
        for file in self._files.values():
            with suppress(OSError):  # a full disk does not take the rest of a buffer either
                file.close()
        shutil.rmtree(self._part, ignore_errors=True)

    def _write(self, name: str, values: Iterable[float]) -> None:
        self._files[name].write(np.asarray(list(values), _ARRAYS[name][0]).tobytes())


def _mapped(path: Path, counts: dict[str, int]) -> np.ndarray:
    dtype, count = _ARRAYS[path.name]
    if path.stat().st_size != np.dtype(dtype).itemsize * counts[count]:
        raise ValueError(f"{path} is torn")
    return np.memmap(path, dtype, mode="r", shape=(counts[count],))
