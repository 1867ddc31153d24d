"""The next batch is made while the devices work on the last one."""

from __future__ import annotations

from typing import Any

import grain

from astra_jax.training.batch import PackedBatch


class Ahead:
    """An iterator over batches whose state is that of what was taken, not of what was made ahead."""

    def __init__(self, batches: grain.DatasetIterator):
        self._batches = batches
        self._next: PackedBatch | None = None
        self._state: Any = None

    def take(self) -> PackedBatch:
        """
        Raises:
            StopIteration: there is none.
        """
        batch = next(self._batches) if self._next is None else self._next
        self._next = None
        return batch

    def make_next(self) -> None:
        """To be called when the devices have work to do."""
        if self._next is None:
            self._state = self._batches.get_state()
            self._next = next(self._batches, None)

    def get_state(self) -> Any:
        return self._batches.get_state() if self._next is None else self._state

    def set_state(self, state: Any) -> None:
        self._next = None
        self._batches.set_state(state)
