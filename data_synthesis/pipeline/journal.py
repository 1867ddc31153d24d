"""What a stage has settled so far: an append-only file that survives being killed at any moment."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ValidationError

from data_synthesis.pipeline.stage import Stage
from data_synthesis.records import BadRecord


class PipelineError(Exception):
    """The run cannot go on; the message says what to do. What was settled stays settled."""


class Outcome(BaseModel):
    """What became of one input. `done` and `rejected` are final; `failed` is tried again by the next run."""

    input_id: str
    status: Literal["done", "rejected", "failed"]
    reason: str = ""
    detail: str = ""
    outputs: list[dict[str, Any]] = []


class Journal:
    """Outcomes by input id; the last one written for an id counts. One process at a time may hold it.

    The first line names the stage and its settings. A torn last line, which a killed writer leaves, is cut off.

    Raises:
        PipelineError: another run holds the file, or it belongs to other settings.
        BadRecord: a line before the last is damaged.
    """

    def __init__(self, path: Path, stage: Stage[Any]):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a+b")
        try:
            _lock(self._file, path)
            _cut_torn_line(self._file)
            self._begin({"stage": stage.name, "settings": dict(stage.settings)})
            self._index = dict(self._scan())
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def is_final(self, input_id: str) -> bool:
        return input_id in self._index and self._index[input_id][1] != "failed"

    def append(self, outcome: Outcome) -> None:
        offset = self._write(outcome.model_dump(mode="json"))
        self._index[outcome.input_id] = (offset, outcome.status)

    def read(self, input_id: str) -> Outcome:
        self._file.seek(self._index[input_id][0])
        return Outcome.model_validate_json(self._file.readline())

    def _write(self, value: dict[str, Any]) -> int:
        try:
            offset = self._file.seek(0, 2)
            self._file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise PipelineError(
                f"cannot write {self.path}: {error.strerror}; what was finished is kept, "
                "so run the same command again once it can be written"
            ) from error
        return offset

    def _begin(self, header: dict[str, Any]) -> None:
        self._file.seek(0)
        line = self._file.readline()
        if not line:
            self._write(header)
        elif (found := json.loads(line)) != header:
            raise PipelineError(
                f"{self.path} was written with other settings ({json.dumps(found)}, now {json.dumps(header)}); "
                "choose another output folder or delete this one"
            )

    def _scan(self) -> Iterator[tuple[str, tuple[int, str]]]:
        self._file.seek(0)
        offset = len(self._file.readline())
        for number, line in enumerate(self._file, 2):
            try:
                outcome = Outcome.model_validate_json(line)
            except ValidationError as error:
                problem = f"is damaged ({error.errors()[0]['msg']}); delete the line and run again"
                raise BadRecord(self.path, number, "", problem) from error
            yield outcome.input_id, (offset, outcome.status)
            offset += len(line)


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PipelineError(
            f"another run is writing {path}; wait for it, or choose another output folder"
        ) from None


def _cut_torn_line(file: BinaryIO) -> None:
    file.seek(0)
    whole = 0
    for line in file:
        whole += len(line) if line.endswith(b"\n") else 0
    file.truncate(whole)
