"""Weights alone, without what an optimizer needs beside them: of every so many steps, and of the best ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from astra_jax.training.checkpoint import REMAINS, TRASH, saving, settle, sized, tidy
from astra_jax.training.distributed import once


class WeightsFolder:
    """`RUN/weights/STEP`: the trained weights at a step, as `astra convert export RUN OUT --step STEP` reads them.

    Each is complete or absent, as a checkpoint is. In a run of several processes all call it together.
    """

    def __init__(self, directory: str | Path, *, every: int, best: int, in_background: bool = False):
        """
        Args:
            every: of each such step they stay; 0: of none.
            best: of so many steps with the lowest loss they stay.
            in_background: `save` returns when it has copied them.
        """
        self.directory = Path(directory).resolve()
        self.every, self.best = every, best
        if not (every or best):
            return
        once("remains of weights", lambda: tidy(self.directory, *REMAINS))
        policies = ocp.checkpoint_managers
        kept: list[Any] = [policies.EveryNSteps(interval_steps=every)] if every else []
        if best:
            kept.append(
                policies.BestN(
                    get_metric_fn=lambda metrics: metrics["loss"],
                    reverse=True,
                    n=best,
                    keep_checkpoints_without_metrics=False,
                )
            )
        self._orbax = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(
                preservation_policy=policies.AnyPreservationPolicy(kept),
                enable_async_checkpointing=in_background,
                todelete_subdir=TRASH,
            ),
        )

    def save(self, step: int, params: Any, loss: float | None) -> None:
        """Saves what the settings ask for; `loss` is that on held-out rows, None where nobody looked.

        Raises:
            SaveFailed: it could not be written, or one that was saved in the background before it.
        """
        due = self.every and step % self.every == 0
        if not (due or (self.best and loss is not None)) or step in self._orbax.all_steps():
            return
        self.wait()
        items = ocp.args.Composite(state=ocp.args.StandardSave({"params": params}))  # type: ignore[call-arg]
        with saving(step, self.directory, sized(params)):
            self._orbax.save(step, args=items, metrics=None if loss is None else {"loss": float(loss)})

    def wait(self) -> None:
        """Returns when all that was saved is on disk. Raises as `save`."""
        if self.every or self.best:
            settle(self._orbax, self.directory)

    def close(self) -> None:
        """Waits, and raises, as `wait`."""
        if self.every or self.best:
            try:
                self.wait()
            finally:
                self._orbax.close()
