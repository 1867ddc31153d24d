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

from astra_jax.training.distributed import from_first, is_first, once
from astra_jax.training.state import TrainState

TRASH = (
    "deleted"  # where Orbax moves what is to go: deleting a folder takes many steps, renaming it takes one
)
# Folders that a killed run leaves.
REMAINS = ("*.orbax-checkpoint-tmp*", TRASH)


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
        self._in_background = in_background
        once("remains of checkpoints", lambda: tidy(self.directory, *REMAINS))
        self._orbax = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep,
                enable_async_checkpointing=in_background,
                todelete_subdir=TRASH,
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
        self.wait()
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state),  # type: ignore[call-arg]
            rest=ocp.args.JsonSave({"arrays": _describe(state), "extra": extra or {}}),  # type: ignore[call-arg]
        )
        with saving(int(state.step), self.directory, sized(state)):
            self._orbax.save(int(state.step), args=items)
        if not self._in_background:
            self.wait()

    def wait(self) -> None:
        """Returns when all that was saved is on disk. Raises as `save`."""
        settle(self._orbax, self.directory)

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
        """Waits, and raises, as `wait`."""
        try:
            self.wait()
        finally:
            self._orbax.close()


def settle(orbax: ocp.CheckpointManager, directory: Path) -> None:
    """Returns when what is saved in the background is on disk, and what was to go for it is gone.

    No process waits for another here, so that a run may be left with an error.

    Raises:
        SaveFailed: it could not be written.
    """
    with saving(orbax.latest_step() or 0, directory, 0):
        orbax.wait_until_finished()
    if is_first():  # whose thread moved it, and has ended: it would miss the folder
        tidy(directory, TRASH)


def tidy(directory: Path, *patterns: str) -> None:
    """Removes the folders of these names."""
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
    whole = "what was saved before it is whole"
    advice = f"{whole}. Make room in {directory} and run the same command again"
    if free < size:
        raise SaveFailed(
            f"step {step} was not saved: it needs {size:,} bytes and {free:,} are free; {advice}."
        )
    try:
        yield
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "No space left on device" in reason:
            raise SaveFailed(f"step {step} was not saved (no space left on the disk); {advice}.") from error
        raise SaveFailed(f"step {step} was not saved in {directory} ({reason}); {whole}.") from error


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
