"""One safetensors file: the header is read once, tensors by ranges, and written as they come.

The format (https://github.com/huggingface/safetensors): the header's length as 8 bytes, little end first; the header,
JSON, from each name to `dtype`, `shape` and the `data_offsets` behind the header; then the bytes of all tensors without
gaps. Read with `pread` rather than through `mmap`: what was read does not stay in the process, and a file
that becomes shorter or a failing disk is an error, not a signal.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from astra_jax.checkpoints.error import CheckpointError

DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_CODES = {name: code for code, name in DTYPES.items()}
_LENGTH_BYTES, _ALIGNMENT = 8, 8
_WRITE_ELEMENTS = 2**22  # cast and written at a time

Range = tuple[int, int]  # first, and one past the last
Box = tuple[Range, ...]  # one range an axis


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: `start` counts bytes from the file's first."""

    code: str
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class NewTensor:
    """A tensor to be written, described before it exists: `values` makes it, in any floating type."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * jnp.dtype(self.dtype).itemsize


class SafetensorsFile:
    """An open file; `tensors` is its header. Close it.

    Raises:
        CheckpointError: there is no such file, or its length and its header do not fit.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing.") from None
        try:
            self.tensors = _read_header(self._file, path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def read(self, name: str, shape: Sequence[int], box: Box) -> np.ndarray:
        """The part `box` of a tensor that is seen as an array of `shape`; no other byte is read.

        Raises:
            CheckpointError: the file ends before.
        """
        stored = self.tensors[name]
        values = np.empty([last - first for first, last in box], jnp.dtype(DTYPES[stored.code]))
        target, at = values.reshape(-1).view(np.uint8).data, 0
        for first, count in _runs(shape, box):
            size = count * values.itemsize
            self._fill(target[at : at + size], stored.start + first * values.itemsize)
            at += size
        return values

    def _fill(self, target: memoryview, offset: int) -> None:
        while target:
            count = os.preadv(self._file.fileno(), [target], offset)
            if not count:
                raise CheckpointError(f"{self.path} is damaged or truncated: it ends at byte {offset}.")
            target, offset = target[count:], offset + count


def _runs(shape: Sequence[int], box: Box) -> Iterator[Range]:
    """First element and length of each stretch of memory that makes up a box of a row-major array."""
    split = len(shape)
    while split > 1 and box[split - 1] == (0, shape[split - 1]):
        split -= 1
    if not shape:
        yield 0, 1
        return
    inner = math.prod(shape[split:])
    (first, last), outer = box[split - 1], box[: split - 1]
    for index in product(*(range(*span) for span in outer)):
        row = 0
        for i, size in zip(index, shape[: split - 1], strict=True):
            row = row * size + i
        yield (row * shape[split - 1] + first) * inner, (last - first) * inner


def _read_header(file: Any, path: Path) -> dict[str, StoredTensor]:
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    begin = _LENGTH_BYTES + length
    if size < _LENGTH_BYTES or begin > size:
        raise CheckpointError(f"{path} is damaged or truncated: {size} bytes are less than its header.")
    try:
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        tensors = {
            name: StoredTensor(entry["dtype"], tuple(entry["shape"]), begin + entry["data_offsets"][0])
            for name, entry in header.items()
        }
        ends = {name: begin + entry["data_offsets"][1] for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise CheckpointError(f"{path} is damaged: its header is not that of a safetensors file.") from None
    if max(ends.values(), default=begin) != size:
        raise CheckpointError(
            f"{path} is damaged or truncated: it has {size} bytes, its header says {max(ends.values(), default=begin)}."
        )
    for name, tensor in tensors.items():
        if tensor.code in DTYPES and ends[name] - tensor.start != _nbytes(tensor.shape, DTYPES[tensor.code]):
            raise CheckpointError(
                f"{path} is damaged: tensor {name} of shape {tensor.shape} has {ends[name] - tensor.start} bytes."
            )
    return tensors


def _nbytes(shape: Sequence[int], dtype: str) -> int:
    return math.prod(shape) * jnp.dtype(dtype).itemsize


def write_file(path: Path, tensors: Sequence[NewTensor]) -> None:
    """Writes a file; one tensor at a time exists.

    Raises:
        CheckpointError: a type that is none of `DTYPES`.
    """
    with path.open("wb") as file:
        file.write(file_header(tensors))
        for tensor in tensors:
            _write_values(file, tensor)


def _write_values(file: Any, tensor: NewTensor) -> None:
    values, dtype = tensor.values().reshape(-1), jnp.dtype(tensor.dtype)
    if values.size != math.prod(tensor.shape):
        raise ValueError(f"tensor {tensor.name} has {values.size} values, not those of {tensor.shape}")
    for start in range(0, values.size, _WRITE_ELEMENTS):
        part = values[start : start + _WRITE_ELEMENTS].astype(dtype, copy=False)
        file.write(part.view(np.uint8).data)


def file_header(tensors: Sequence[NewTensor]) -> bytes:
    """The bytes before those of the tensors. Raises as `write_file`."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        if tensor.dtype not in _CODES:
            raise CheckpointError(
                f"Tensors of type {tensor.dtype} cannot be written; {', '.join(_CODES)} can."
            )
        entries[tensor.name] = {
            "dtype": _CODES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text
