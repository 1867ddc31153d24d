"""The folder of a run: its configuration, metrics, checkpoints and what came of it."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from astra_jax.training.distributed import is_first, wait_for_all
from data_synthesis.whole_file import whole_file

_WHERE = ("run_dir", "data.cache", "data.processes", "engine_devices", "limits.retries", "keep_batches")


class ConfigChanged(ValueError):
    """A run is resumed with another configuration than it was started with."""


class RunBusy(RuntimeError):
    """Another process is working in the run's folder."""


class RunFolder:
    """`RUN/config.json`, `metrics.jsonl`, `checkpoints/`, `samples/`, and `final.json` once the run is done.

    `begin` saves the resolved configuration; from then on, opening the folder checks that it is the same. One
    run at a time may have it open: the lock goes with the process, however it ends. In a run of several processes
    all open it, and the first one locks and writes for them.
    """

    def __init__(
        self,
        path: str | Path,
        config: Mapping[str, Any],
        *,
        fresh: bool = False,
        before: Mapping[str, Any] | None = None,
    ):
        """
        Args:
            config: the resolved configuration, as JSON values. `run_dir` may differ, as folders can be moved, and
                `mesh`, `engine_devices`, `servers`, `data.cache` and `data.processes`, which decide where things are
                computed and not what, `alarms`, `limits.retries` and `keep_batches`.
            fresh: deletes what the run has left so far.
            before: fields that a folder of an earlier release may lack, with what they were, in effect, there.

        Raises:
            ConfigChanged: names each key that differs, with both values; or `fresh` would delete a folder that
                holds something else than a run.
            RunBusy: another process has the folder open.
        """
        self.path = Path(path)
        self._lock: IO[str] | None = None
        self._config = config
        if is_first():
            self._open(fresh, before or {})
        wait_for_all("run folder")

    def _open(self, fresh: bool, before: Mapping[str, Any]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        if fresh:
            _clear(self.path)
        saved = _read_json(self.path / "config.json")
        if saved is not None:
            asked = _flatten(json.loads(json.dumps(self._config)))
            _check_same(_flatten(before) | _flatten(saved), asked, self.path)

    @property
    def has_begun(self) -> bool:
        """Whether a run of this configuration has had all that it needs, now or earlier."""
        return (self.path / "config.json").exists()

    def begin(self) -> None:
        """To be called once all that the run needs was found to be right: what was wrong until then can be mended, and
        the same folder be used."""
        if is_first() and not self.has_begun:
            write_json(self.path / "config.json", self._config)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        folder = self.path / "samples"
        folder.mkdir(exist_ok=True)
        return folder

    def finish(self, result: Mapping[str, Any]) -> None:
        """Marks the run as done; `result` says with what, for example the folder of its final weights."""
        if is_first():
            write_json(self.path / "final.json", result)
        wait_for_all("final.json")

    def result(self) -> dict[str, Any] | None:
        """What `finish` was given; None while the run is not done."""
        return _read_json(self.path / "final.json")

    def close(self) -> None:
        if self._lock:
            self._lock.close()

    def _take_lock(self) -> IO[str]:
        lock = (self.path / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise RunBusy(f"another process is working in {self.path}: wait for it, or stop it") from None
        return lock


def _clear(path: Path) -> None:
    """Empties a run's folder, but for the lock that is held."""
    inside = [entry for entry in path.iterdir() if entry.name != ".lock"]
    if inside and not (path / "config.json").exists():
        raise ConfigChanged(
            f"{path} holds {inside[0].name} and no run: delete it yourself, or choose another run_dir"
        )
    for entry in inside:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Writes a file that is complete or absent; without `indent` in one line, as a machine reads it."""
    with whole_file(path) as out:
        out.write(json.dumps(value, indent=indent, sort_keys=True) + "\n")


def _read_json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _check_same(old: dict[str, Any], new: dict[str, Any], path: Path) -> None:
    free = ("mesh.", "servers.", "alarms.")
    may_differ = {k for k in old.keys() | new.keys() if k in _WHERE or k.startswith(free)}
    keys = [k for k in sorted((old.keys() | new.keys()) - may_differ) if old.get(k) != new.get(k)]
    if keys:
        changes = "; ".join(f"{k}: {old.get(k, 'absent')!r} then, {new.get(k, 'absent')!r} now" for k in keys)
        raise ConfigChanged(
            f"{path} was started with another configuration ({changes}). "
            "Resume with the configuration it has and the files that it read (*_sha256), or choose another run_dir."
        )


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        flat |= _flatten(item, f"{name}.") if isinstance(item, Mapping) else {name: item}
    return flat
