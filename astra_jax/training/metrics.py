"""A run's metrics as JSON lines: append-only, and exact again after a resume."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from astra_jax.training.distributed import is_first
from data_synthesis.whole_file import naming, whole_file

# Whoever wants figures elsewhere (a tracker, a terminal) is one of these: (step, metrics) -> None.
Writer = Callable[[int, Mapping[str, Any]], None]


class MetricsWriter:
    """Appends `{"step": ..., name: figure, ...}` to `RUN/metrics.jsonl`.

    Names that start with `time/` are wall-clock figures; all others are the same in every run of a
    configuration. On opening, records after `last_step` go, and so does a line that a kill cut short: the steps
    that a resumed run does again write them again. In a run of several processes only the first one writes.
    """

    def __init__(self, run_dir: str | Path, last_step: int = 0):
        """`last_step`: the step that was restored; 0 starts the file anew."""
        self.path = Path(run_dir) / "metrics.jsonl"
        self._file: TextIO | None = None
        if is_first():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _truncate(self.path, last_step)
            self._file = self.path.open("a", encoding="utf-8")

    def __call__(self, step: int, metrics: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        record = {"step": step} | {name: _plain(value) for name, value in metrics.items()}
        with naming(self.path):
            self._file.write(json.dumps(record, allow_nan=False) + "\n")
            # In the kernel's hands, so that a record outlives the process before any checkpoint after it does.
            self._file.flush()

    def close(self) -> None:
        if self._file:
            self._file.close()


def check_finite(step: int, metrics: Mapping[str, Any]) -> None:
    """Stops a run whose loss or gradient is no longer a number, before a checkpoint keeps what came of it.

    Raises:
        FloatingPointError: `loss` or `grad_norm`, if it is there, is infinite or not a number.
    """
    for name, what in {"loss": "loss", "grad_norm": "norm of the gradient"}.items():
        value = float(metrics.get(name, 0.0))
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the {what} is {value} at step {step}. Start in another run_dir with a lower optimizer.learning_rate "
                "or optimizer.clip_norm; the last checkpoint, if there is one, is from before, and `astra convert "
                "export` makes a model of it."
            )


def read_metrics(run_dir: str | Path) -> list[dict[str, Any]]:
    """The complete records of a run, in order."""
    return _complete_records(Path(run_dir) / "metrics.jsonl")


def without_time(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records without their wall-clock figures: what two runs of a configuration must agree on."""
    return [{k: v for k, v in record.items() if not k.startswith("time/")} for record in records]


def _truncate(path: Path, last_step: int) -> None:
    if not path.exists():
        return
    kept = [record for record in _complete_records(path) if record["step"] <= last_step]
    with whole_file(path) as out:
        out.writelines(json.dumps(record) + "\n" for record in kept)


def _complete_records(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _plain(value: Any) -> Any:
    """A JSON value; null for a figure that is not a number, never a default."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
