"""ArrayRecord files, one JSON object a record: what Grain and TensorFlow Datasets keep rows in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_synthesis.interop.json_values import Numbered, decoded
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import BadRecord

SUFFIXES = (".array_record", ".arrayrecord")
_AT_ONCE = 64


def is_array_record(path: Path) -> bool:
    """Whether `path` is such a file, or a folder with one."""
    # `rows.array_record`, or one of several: `rows.array_record-00000-of-00002`.
    return path.suffix.startswith(SUFFIXES) if path.is_file() else bool(_files(path))


def array_record_values(path: Path) -> Iterator[Numbered]:
    """Yields the values of a file, or of all files of a folder in the order of their names.

    A file that is damaged yields a `BadRecord`, and the next one is read.

    Raises:
        PipelineError: array_record is missing.
    """
    for file in [path] if path.is_file() else _files(path):
        yield from _records(file)


def _files(path: Path) -> list[Path]:
    return sorted(file for suffix in SUFFIXES for file in path.glob(f"*{suffix}*") if file.is_file())


def _records(path: Path) -> Iterator[Numbered]:
    number = 0
    try:
        reader = _package().ArrayRecordReader(str(path))
        for start in range(0, reader.num_records(), _AT_ONCE):
            stop = min(start + _AT_ONCE, reader.num_records())
            for number, record in enumerate(reader.read(start, stop), start + 1):
                yield Numbered(path, number, decoded(path, number, record))
        if not reader.ok():  # a file that was cut short has no records, and raises only here
            reader.close()
    except (RuntimeError, IndexError) as error:
        problem = f"is not ArrayRecord that can be read ({str(error).split(';')[0] or 'it was cut short'})"
        yield Numbered(path, number + 1, BadRecord(path, number + 1, "", problem))


def _package() -> Any:
    try:
        from array_record.python import array_record_module  # type: ignore[attr-defined]
    except ImportError as error:
        raise PipelineError("ArrayRecord needs array_record: pip install array_record") from error
    return array_record_module
