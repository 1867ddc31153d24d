"""Files that one process writes for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import numpy as np
from jax.experimental import multihost_utils

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.safetensors_file import NewTensor

_MESSAGE_BYTES = 2048


def on_first_process(act: Callable[[], None]) -> None:
    """Runs `act` on process 0 while the others wait; where it fails, every process fails.

    Raises:
        CheckpointError: on the other processes, with the sentence of what process 0 raised.
    """
    _agree(_failure(act) if jax.process_index() == 0 else None)


def write_on_first_process(
    write: Callable[[Sequence[NewTensor]], None], tensors: Sequence[NewTensor]
) -> None:
    """Runs `write` on process 0, with tensors whose `values` all processes must call, in their order.

    The other processes call them and drop what they get. Where `write` fails half-way, process 0 does the same
    with the rest, so that nobody waits for it. Raises as `on_first_process`.
    """
    called = 0

    def counted(tensor: NewTensor) -> NewTensor:
        def values() -> np.ndarray:
            nonlocal called
            called += 1
            return tensor.values()

        return replace(tensor, values=values)

    error = None
    if jax.process_index() == 0:
        error = _failure(lambda: write([counted(tensor) for tensor in tensors]))
    if jax.process_count() > 1:
        for tensor in tensors[called:]:
            tensor.values()
    _agree(error)


def _failure(act: Callable[[], None]) -> Exception | None:
    try:
        act()
    except Exception as error:
        return error
    return None


def _agree(error: Exception | None) -> None:
    """Raises on every process if process 0 comes with an error."""
    if jax.process_count() > 1:
        message = "" if error is None else str(error) or type(error).__name__
        buffer = message.encode()[:_MESSAGE_BYTES].ljust(_MESSAGE_BYTES, b"\0")
        told = np.asarray(multihost_utils.broadcast_one_to_all(np.frombuffer(buffer, np.uint8)))
        message = told.astype(np.uint8).tobytes().rstrip(b"\0").decode(errors="replace")
        if message and jax.process_index() > 0:
            raise CheckpointError(message)
    if error is not None:
        raise error
