"""A directory of safetensors files, one or many: read by ranges of a tensor, written tensor by tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Lock

import jax.numpy as jnp
import numpy as np

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.safetensors_file import (
    DTYPES,
    Box,
    NewTensor,
    SafetensorsFile,
    StoredTensor,
    file_header,
    write_file,
)

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5 * 2**30

Shape = tuple[int, ...]


class TensorReader:
    """The tensors of a directory by name; nothing is read before it is asked for. A context manager.

    Raises:
        CheckpointError: there are no safetensors files, the index names one that is not there, or one is damaged.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.bytes_read, self._counting = 0, Lock()
        self._stack = ExitStack()
        with ExitStack() as opening:
            files = [opening.enter_context(closing(_open(path))) for path in _files(directory)]
            self._stack = opening.pop_all()
        self._where = {name: file for file in files for name in file.tensors}

    def __enter__(self) -> TensorReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def shapes(self) -> dict[str, Shape]:
        return {name: self._stored(name).shape for name in self._where}

    def dtype(self, name: str) -> str:
        """
        Raises:
            CheckpointError: one that is not supported.
        """
        code = self._stored(name).code
        if code not in DTYPES:
            raise CheckpointError(
                f"{self.directory}: tensor {name} is {code}; {', '.join(DTYPES)} are supported."
            )
        return DTYPES[code]

    def widest_dtype(self) -> str:
        """The narrowest type that holds the values of all tensors. Raises as `dtype`."""
        return str(jnp.result_type(*{jnp.dtype(self.dtype(name)) for name in self._where}))

    def nbytes(self, name: str) -> int:
        return int(np.prod(self._stored(name).shape)) * jnp.dtype(self.dtype(name)).itemsize

    def check(self, wanted: Mapping[str, Shape]) -> None:
        """
        Raises:
            CheckpointError: a tensor is missing, has another shape or an unsupported type.
        """
        for name, shape in wanted.items():
            if name not in self._where:
                raise CheckpointError(f"{self.directory}: tensor {name} of shape {shape} is missing.")
            if self._stored(name).shape != shape:
                raise CheckpointError(
                    f"{self.directory}: tensor {name} has shape {self._stored(name).shape}; "
                    f"the configuration needs {shape}."
                )
            self.dtype(name)

    def read(self, name: str, shape: Sequence[int], box: Box) -> np.ndarray:
        """A part of a tensor, as `SafetensorsFile.read`. Threads may call it."""
        values = self._where[name].read(name, shape, box)
        with self._counting:
            self.bytes_read += values.nbytes
        return values

    def _stored(self, name: str) -> StoredTensor:
        return self._where[name].tensors[name]


def _open(path: Path) -> SafetensorsFile:
    if not path.exists():
        raise CheckpointError(f"{path} is missing: the index names it.")
    return SafetensorsFile(path)


def _files(directory: Path) -> list[Path]:
    if (directory / SINGLE).exists():
        return [directory / SINGLE]
    if not (directory / INDEX).exists():
        raise CheckpointError(f"{directory} holds neither {SINGLE} nor {INDEX}.")
    try:
        names = set(json.loads((directory / INDEX).read_text())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(
            f"{directory / INDEX} is damaged: it is no index of safetensors files."
        ) from None
    return [directory / name for name in sorted(names)]


def write_tensors(directory: Path, tensors: Sequence[NewTensor], shard_bytes: int | None = None) -> None:
    """Writes tensors in their order, one after the other: into one file, or many with an index.

    Args:
        shard_bytes: the most of a file, unless one tensor is larger; None is `SHARD_BYTES`.

    Raises:
        CheckpointError: a type that cannot be written.
    """
    shards = _shards(tensors, shard_bytes or SHARD_BYTES)
    if len(shards) == 1:
        write_file(directory / SINGLE, shards[0])
        return
    weight_map = {}
    for i, shard in enumerate(shards):
        name = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        write_file(directory / name, shard)
        weight_map |= {tensor.name: name for tensor in shard}
    index = {"metadata": {"total_size": sum(t.nbytes for t in tensors)}, "weight_map": weight_map}
    (directory / INDEX).write_text(json.dumps(index, indent=2))


def written_bytes(tensors: Sequence[NewTensor]) -> int:
    """About how much `write_tensors` will write: every name stands in a header and in the index."""
    return sum(t.nbytes for t in tensors) + 2 * len(file_header(tensors))


def _shards(tensors: Sequence[NewTensor], limit: int) -> list[list[NewTensor]]:
    shards: list[list[NewTensor]] = [[]]
    filled = 0
    for tensor in tensors:
        if shards[-1] and filled + tensor.nbytes > limit:
            shards.append([])
            filled = 0
        shards[-1].append(tensor)
        filled += tensor.nbytes
    return shards
