"""Checkpoints that are complete or absent: arrays by Orbax, the rest as JSON beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from astra_jax.training.distributed import from_first, once
from astra_jax.training.state import TrainState

_TRASH = "deleted"


class CheckpointMismatch(ValueError):
    """A checkpoint's arrays are not those of this run's model or optimizer."""


class SaveFailed(RuntimeError):
    """A checkpoint could not be written; those before it are as they were."""


@dataclass(frozen=True)
class Restored:
    """`extra` is what was given to `save`: the data cursor, an episode buffer, anything JSON."""

    state: TrainState
    extra: dict[str, Any]


class CheckpointManager:
    """Saves whole training states under `directory`, one folder a step, and keeps the last `keep`.

    A save writes a temporary folder and renames it, so that a process killed at any moment leaves the previous
    checkpoints as they were. Folders of killed saves and half-deleted checkpoints go when a manager opens.

    In a run of several processes each has a manager of the same shared folder, and all call it together: each
    process writes and reads the parts of arrays that its devices hold.
    """

    def __init__(self, directory: str | Path, keep: int = 2, *, in_background: bool = False):
        """
        Args:
            in_background: `save` returns when it has copied the state to the host; `wait` says that it is on disk.
        """
        if keep < 1:
            raise ValueError(f"keep is {keep}: at least one checkpoint must stay")
        self.directory = Path(directory).resolve()
        once("remains of checkpoints", lambda: tidy(self.directory, "*.orbax-checkpoint-tmp*", _TRASH))
        self._orbax = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep,
                enable_async_checkpointing=in_background,
                # Deleting a folder takes many steps, renaming it takes one.
                todelete_subdir=_TRASH,
            ),
        )

    def steps(self) -> list[int]:
        """The steps that can be restored, oldest first."""
        return sorted(self._orbax.all_steps())

    def latest(self) -> int | None:
        return from_first(self._orbax.latest_step())

    def save(self, state: TrainState, extra: dict[str, Any] | None = None) -> None:
        """Saves `state` under its step, and `extra` with it. On return it is on disk, if not `in_background`.

        Raises:
            SaveFailed: it could not be written, or one that was saved in the background before it.
        """
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state),  # type: ignore[call-arg]
            rest=ocp.args.JsonSave({"arrays": _describe(state), "extra": extra or {}}),  # type: ignore[call-arg]
        )
        with saving(int(state.step), self.directory, sized(state)):
            self._orbax.save(int(state.step), args=items)
        once("deleted checkpoints", lambda: tidy(self.directory, _TRASH))

    def wait(self) -> None:
        """Returns when all that was saved is on disk. Raises as `save`."""
        with saving(self._orbax.latest_step() or 0, self.directory, 0):
            self._orbax.wait_until_finished()

    def restore(self, like: TrainState, step: int | None = None) -> Restored:
        """The state at `step` (default: the latest), bit for bit, laid out in memory as `like` is.

        Args:
            like: a state of the same shapes and types, or its `jax.eval_shape` with shardings.

        Raises:
            FileNotFoundError: no such checkpoint.
            CheckpointMismatch: the checkpoint was saved by another model or optimizer.
        """
        step = self.latest() if step is None else step
        if step is None or step not in self.steps():
            raise FileNotFoundError(
                f"no checkpoint of step {step} in {self.directory}; steps: {self.steps()}"
            )
        rest = self._orbax.restore(step, args=ocp.args.Composite(rest=ocp.args.JsonRestore()))["rest"]
        _check_same_arrays(rest["arrays"], _describe(like), self.directory / str(step))
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        items = ocp.args.Composite(state=ocp.args.StandardRestore(abstract))  # type: ignore[call-arg]
        return Restored(self._orbax.restore(step, args=items)["state"], rest["extra"])

    def close(self) -> None:
        self._orbax.close()


def tidy(directory: Path, *patterns: str) -> None:
    """Removes the folders of these names: remains of saves that were killed, and what was to be deleted."""
    for pattern in patterns:
        for folder in directory.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def sized(tree: Any) -> int:
    """Bytes of all arrays."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


@contextmanager
def saving(step: int, directory: Path, size: int) -> Iterator[None]:
    """Says what went wrong in a save in one sentence.

    Raises:
        SaveFailed: the disk is too full, or the save raised.
    """
    free = shutil.disk_usage(directory).free
    advice = f"what was saved before it is whole. Make room in {directory} and run the same command again"
    if free < size:
        raise SaveFailed(
            f"step {step} was not saved: it needs {size:,} bytes and {free:,} are free; {advice}."
        )
    try:
        yield
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "No space left on device" in reason:
            reason = "no space left on the disk"
        raise SaveFailed(f"step {step} was not saved ({reason}); {advice}.") from error


def _describe(state: TrainState) -> dict[str, str]:
    """Path, type and shape of each array, to be compared before Orbax would cast or give up half-way."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in leaves
    }


def _check_same_arrays(saved: dict[str, str], wanted: dict[str, str], path: Path) -> None:
    names = sorted(name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name))
    if names:
        name = names[0]
        raise CheckpointMismatch(
            f"the checkpoint {path} is of another model or optimizer: {len(names)} arrays differ, the first is "
            f"{name}: {saved.get(name, 'absent')} in the checkpoint, {wanted.get(name, 'absent')} in this run"
        )
