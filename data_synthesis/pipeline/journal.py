"""What a stage has settled so far: an append-only file that survives being killed at any moment."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.stage import Stage
from data_synthesis.records import BadRecord


class PipelineError(Exception):
    """The run cannot go on; the message says what to do. What was settled stays settled."""


class Outcome(BaseModel):
    """What became of one input. `done` and `rejected` are final; `failed` is tried again by the next run.

    `kept` is what a stage made of an input that goes no further.
    """

    input_id: str
    status: Literal["done", "rejected", "failed"]
    reason: str = ""
    detail: str = ""
    outputs: list[dict[str, Any]] = []
    kept: dict[str, Any] | None = None


class Entry(Outcome):
    """An outcome with the fingerprint of the input that it is about, of which the id covers a part only."""

    fingerprint: str


class Journal:
    """Outcomes by input id; the last one written for an id counts. One process at a time may hold it.

    The first line names the stage and its settings. A torn last line, which a killed writer leaves, is cut off.
    That of a stage that is not remembered begins empty.

    Raises:
        PipelineError: another run holds the file, or it belongs to other settings.
        BadRecord: a line before the last is damaged.
    """

    def __init__(self, path: Path, stage: Stage[Any]):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open(
                "ab", buffering=0
            )  # unbuffered: what a full disk refused is not tried again
        except OSError as error:
            raise PipelineError(f"cannot write {path}: {error.strerror}") from error
        self._lines = path.open("rb")
        try:
            _lock(self._file, path)
            _cut_torn_line(path) if stage.remembered else self._file.truncate(0)
            self._begin({"stage": stage.name, "settings": dict(stage.settings)})
            self._index = self._settled_before()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._file.close()

    def settles(self, input_id: str, fingerprint: str) -> bool:
        """Whether this run need not settle exactly this input: it did already, or an earlier run did for good."""
        return input_id in self._index and self._index[input_id][1] == fingerprint

    def append(self, outcome: Outcome, fingerprint: str) -> None:
        """
        Raises:
            PipelineError: the file cannot be written. It is then as it was before.
        """
        offset = self._write({**vars(outcome), "fingerprint": fingerprint})
        self._index[outcome.input_id] = (offset, fingerprint)

    def read(self, input_id: str) -> Outcome:
        self._lines.seek(self._index[input_id][0])
        return Outcome.model_validate_json(self._lines.readline())

    def _write(self, value: dict[str, Any]) -> int:
        offset = self._file.seek(0, 2)
        line = json_line(value).encode()
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            self._file.truncate(offset)
            raise PipelineError(
                f"cannot write {self.path}: {error.strerror}; what was finished is kept, "
                "so run the same command again once it can be written"
            ) from error
        return offset

    def _begin(self, header: dict[str, Any]) -> None:
        line = self._lines.readline()
        if not line:
            self._write(header)
        elif (found := json.loads(line)) != (now := json.loads(json_line(header))):
            raise PipelineError(
                f"{self.path} was written with other settings ({json.dumps(found)}, now {json.dumps(now)}); "
                "choose another output folder or delete this one"
            )

    def _settled_before(self) -> dict[str, tuple[int, str]]:
        """Offset and fingerprint of what needs no other try, by id."""
        index: dict[str, tuple[int, str]] = {}
        for offset, entry in self._entries():
            if entry.status == "failed":
                index.pop(entry.input_id, None)
            else:
                index[entry.input_id] = (offset, entry.fingerprint)
        return index

    def _entries(self) -> Iterator[tuple[int, Entry]]:
        self._lines.seek(0)
        offset = len(self._lines.readline())
        for number, line in enumerate(self._lines, 2):
            try:
                yield offset, Entry.model_validate_json(line)
            except ValidationError as error:
                problem = f"is damaged ({error.errors()[0]['msg']}); delete the line and run again"
                raise BadRecord(self.path, number, "", problem) from error
            offset += len(line)


def _lock(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PipelineError(
            f"another run is writing {path}; wait for it, or choose another output folder"
        ) from None


def _cut_torn_line(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))
