"""Parquet, in which data sets are kept: rows in and out, a bounded number of them in memory."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data_synthesis.interop.filled import checked
from data_synthesis.interop.json_values import Numbered
from data_synthesis.interop.rows import COLUMNS
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import BadRecord

_ROWS = 64  # in memory; a row of paper scale is some 100 kB of text
SHARD_BYTES = 256 * 2**20  # of text, which Parquet compresses


def table_values(path: Path) -> Iterator[Numbered]:
    """Yields the rows of a Parquet file, or of all that are in a folder, in the order of their names.

    A file that is damaged yields a `BadRecord`, and the next one is read.

    Raises:
        FileNotFoundError: the folder holds no Parquet file.
        PipelineError: pyarrow is missing.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(errno.ENOENT, "the folder holds no Parquet file", str(path))
    for file in files:
        yield from _rows(file)


def _rows(path: Path) -> Iterator[Numbered]:
    pyarrow, parquet = _packages()

    def batches() -> Iterator[Any]:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_ROWS)

    return rows_of(path, batches(), "Parquet", pyarrow.ArrowException)


def rows_of(
    path: Path, batches: Iterator[Any], kind: str, arrow_error: type[Exception]
) -> Iterator[Numbered]:
    """Yields the rows of a file's record batches; where these end in an error, a `BadRecord` that names the `kind`."""
    number = 0
    try:
        for batch in batches:
            for row in batch.to_pylist():
                number += 1
                yield Numbered(path, number, checked(path, number, row))
    except (arrow_error, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:  # the file system's; pyarrow's own have no number
            raise
        problem = f"is not {kind} that can be read ({str(error).splitlines()[0]})"
        yield Numbered(path, number + 1, BadRecord(path, number + 1, "", problem))


class ShardWriter:
    """Writes the rows of one split: `SPLIT.parquet`, or `SPLIT-00000-of-00003.parquet` and so on.

    Args:
        folder: is made when the first row comes.
        shard_bytes: of text; a file that has reached it is followed by another.
        columns: column -> its type. `messages` are structs of a role and a text; `objects` is a list of JSON texts that
            `datasets` reads as objects, each with its own fields, where a struct would give all of them all fields.

    Raises:
        PipelineError: pyarrow is missing.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        shard_bytes: int = SHARD_BYTES,
        columns: Mapping[str, str] = COLUMNS,
    ):
        self._folder, self._split, self._shard_bytes = folder, split, shard_bytes
        self._pyarrow, self._parquet = _packages()
        self._schema = self._pyarrow.schema([(name, self._type(kind)) for name, kind in columns.items()])
        texts = {name: "texts" if kind == "objects" else kind for name, kind in columns.items()}
        self._built = self._pyarrow.schema([(name, self._type(kind)) for name, kind in texts.items()])
        self._rows: list[Mapping[str, Any]] = []
        self._writer: Any = None
        self._bytes, self._files = 0, 0

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._bytes += sum(len(text) for value in row.values() for text in _texts(value))
        full = self._bytes >= self._shard_bytes
        if full or len(self._rows) == _ROWS:
            self._flush()
        if full:
            self._end_file()

    def close(self) -> list[Path]:
        """Writes what is left. Returns the files, which have their names only now, as those hold their number."""
        self._flush()
        self._end_file()
        names = [f"{self._split}-{i:05}-of-{self._files:05}.parquet" for i in range(self._files)]
        names = names if self._files > 1 else [f"{self._split}.parquet"][: self._files]
        return [self._unnamed(i).rename(self._folder / name) for i, name in enumerate(names)]

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._unnamed(self._files)
            self._writer = self._parquet.ParquetWriter(path, self._schema, compression="zstd")
        # pyarrow builds no JSON column, and casts texts to one
        table = self._pyarrow.Table.from_pylist(self._rows, schema=self._built).cast(self._schema)
        self._writer.write_table(table)
        self._rows = []

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer, self._bytes, self._files = None, 0, self._files + 1

    def _unnamed(self, number: int) -> Path:
        return self._folder / f"{self._split}-{number:05}.partial"

    def _type(self, kind: str) -> Any:
        if kind == "messages":
            text = self._pyarrow.string()
            return self._pyarrow.list_(self._pyarrow.struct([("role", text), ("content", text)]))
        if kind in ("objects", "texts"):
            return self._pyarrow.list_(self._pyarrow.json_() if kind == "objects" else self._pyarrow.string())
        return getattr(self._pyarrow, {"bool": "bool_"}.get(kind, kind))()


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def _packages() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PipelineError("Parquet needs pyarrow: pip install 'astra-jax[synthesis]'") from error
    return pyarrow, pyarrow.parquet
