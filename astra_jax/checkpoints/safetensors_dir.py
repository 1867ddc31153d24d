"""A directory of safetensors files, one or many, read and written tensor by tensor."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5 * 2**30
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


class CheckpointError(ValueError):
    """A checkpoint that is not what it should be; the message names the tensor or the file."""


class TensorReader:
    """The tensors of a directory by name; nothing is read before it is asked for. A context manager."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._stack = ExitStack()
        self._files = {name: self._open(directory / name) for name in _files(directory)}
        self._where = {tensor: file for file in self._files.values() for tensor in file.keys()}  # noqa: SIM118

    def __enter__(self) -> TensorReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def names(self) -> list[str]:
        return list(self._where)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._where[name].get_slice(name).get_shape())

    def dtype(self, name: str) -> str:
        code = self._where[name].get_slice(name).get_dtype()
        if code not in DTYPES:
            raise CheckpointError(
                f"{self.directory}: tensor {name} is {code}; {', '.join(DTYPES)} are supported."
            )
        return DTYPES[code]

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """
        Raises:
            CheckpointError: no such tensor, or one of another shape.
        """
        if name not in self._where:
            raise CheckpointError(f"{self.directory}: tensor {name} of shape {shape} is missing.")
        if self.shape(name) != shape:
            raise CheckpointError(
                f"{self.directory}: tensor {name} has shape {self.shape(name)}; the configuration needs {shape}."
            )
        return self._where[name].get_tensor(name)

    def _open(self, path: Path) -> Any:
        try:
            return self._stack.enter_context(safe_open(path, framework="numpy"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing: the index names it.") from None
        except SafetensorError as error:
            raise CheckpointError(f"{path} is damaged or truncated: {error}.") from None


def _files(directory: Path) -> list[str]:
    if (directory / SINGLE).exists():
        return [SINGLE]
    if (directory / INDEX).exists():
        return sorted(set(json.loads((directory / INDEX).read_text())["weight_map"].values()))
    raise CheckpointError(f"{directory} holds neither {SINGLE} nor {INDEX}.")


def write_tensors(
    directory: Path, tensors: Iterable[tuple[str, np.ndarray]], shard_bytes: int = SHARD_BYTES
) -> None:
    """Writes tensors as they come, at most `shard_bytes` of them in memory: one file, or many with an index."""
    shards = [
        _write_shard(directory / f"shard-{i}", shard) for i, shard in enumerate(_shards(tensors, shard_bytes))
    ]
    if len(shards) == 1:
        (directory / "shard-0").rename(directory / SINGLE)
        return
    weight_map = {}
    for i, sizes in enumerate(shards):
        name = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        (directory / f"shard-{i}").rename(directory / name)
        weight_map |= dict.fromkeys(sizes, name)
    index = {"metadata": {"total_size": sum(sum(s.values()) for s in shards)}, "weight_map": weight_map}
    (directory / INDEX).write_text(json.dumps(index, indent=2))


def _write_shard(path: Path, shard: dict[str, np.ndarray]) -> dict[str, int]:
    save_file(shard, path, metadata={"format": "pt"})
    path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors leaves it to its owner alone
    return {name: tensor.nbytes for name, tensor in shard.items()}


def _shards(tensors: Iterable[tuple[str, np.ndarray]], limit: int) -> Iterator[dict[str, np.ndarray]]:
    shard: dict[str, np.ndarray] = {}
    for name, tensor in tensors:
        if shard and sum(t.nbytes for t in shard.values()) + tensor.nbytes > limit:
            yield shard
            shard = {}
        shard[name] = np.ascontiguousarray(tensor)
    yield shard
