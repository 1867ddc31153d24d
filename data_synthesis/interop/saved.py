"""Folders that `save_to_disk` of Hugging Face `datasets` wrote: Arrow streams, listed in `state.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_synthesis.interop.json_values import Numbered
from data_synthesis.interop.tables import rows_of
from data_synthesis.pipeline import PipelineError

_STATE, _SPLITS = "state.json", "dataset_dict.json"


def is_saved(path: Path) -> bool:
    return (path / _STATE).is_file() or (path / _SPLITS).is_file()


def saved_values(path: Path) -> Iterator[Numbered]:
    """Yields the rows in order. A file that is damaged yields a `BadRecord`, and the next one is read.

    Raises:
        PipelineError: pyarrow is missing, or the folder holds several splits and names none.
        OSError: a file that the folder lists is not there.
    """
    for file in _files(path):
        yield from _rows(file)


def _files(path: Path) -> list[Path]:
    if (path / _SPLITS).is_file():
        splits = json.loads((path / _SPLITS).read_text("utf-8"))["splits"]
        raise PipelineError(
            f"{path} holds splits: name one, {' or '.join(str(path / name) for name in splits)}"
        )
    state = json.loads((path / _STATE).read_text("utf-8"))
    return [path / each["filename"] for each in state["_data_files"]]


def _rows(path: Path) -> Iterator[Numbered]:
    pyarrow = _package()

    def batches() -> Iterator[Any]:
        with pyarrow.memory_map(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
            yield from stream

    return rows_of(path, batches(), "Arrow", pyarrow.ArrowException)


def _package() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise PipelineError("Arrow needs pyarrow: pip install 'astra-jax[synthesis]'") from error
    return pyarrow
