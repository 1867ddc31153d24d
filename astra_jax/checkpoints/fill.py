"""A parameter, filled where it lives from pieces of its tensors.

Each process fills the shards of its own devices, so that nothing is exchanged. A piece is read once and written to
every shard that needs some of it. Neither a whole parameter nor a whole tensor is ever in host memory, except for the
arrays of CPU devices, which are there by their nature.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from astra_jax.checkpoints.layout import Index, Layout
from astra_jax.checkpoints.safetensors_dir import TensorReader
from astra_jax.checkpoints.safetensors_file import Box

PIECE_BYTES = 32 * 2**20  # read at a time; shards up to this size are put together in host memory
BITS = {2: np.uint16, 4: np.uint32}  # by the size of a number
_BLOCK_ROWS = 64
_READERS = 2  # threads that read and transpose; each holds a piece

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Piece:
    """A part of one tensor: which one, and a range of each axis of the parameter's body."""

    index: Index
    body: Box

    @property
    def box(self) -> Box:
        """Its place in the parameter."""
        return (*((i, i + 1) for i in self.index), *self.body)


def fill(layout: Layout, dtype: str, sharding: Sharding | None, reader: TensorReader) -> jax.Array:
    """The parameter from the tensors of `reader`, in `dtype`, laid out as `sharding` says.

    Args:
        sharding: None is the default device, to which the array is not tied.

    Raises:
        CheckpointError: a file ends too soon.
    """
    shards = _local_shards(layout.shape, jnp.dtype(dtype), sharding)
    stored = jnp.dtype(reader.dtype(layout.name((0,) * len(layout.stacked))))

    def read(piece: Piece) -> np.ndarray:
        """In our order, with an axis of size 1 for each index."""
        values = reader.read(
            layout.name(piece.index), layout.view, tuple(piece.body[axis] for axis in layout.order)
        )
        if layout.inputs:
            values = transposed(values.reshape(math.prod(values.shape[: -layout.inputs]), -1))
        return values.reshape([last - first for first, last in piece.box])

    for region in _regions([shard.box for shard in shards]):
        for piece, values in _ahead(read, _pieces(layout, region, stored.itemsize)):
            for shard in shards:
                shard.write(piece.box, values)
    arrays = [array for shard in shards for array in shard.arrays()]
    if sharding is None:
        return arrays[0]
    return jax.make_array_from_single_device_arrays(layout.shape, sharding, arrays)


class _Shard:
    """The part `box` of an array, which each of `devices` holds, while it is filled."""

    def __init__(self, box: Box, dtype: np.dtype, devices: list[Any]):
        self.box, self.dtype, self.devices = box, dtype, devices
        self.shape = tuple(last - first for first, last in box)
        self.host: np.ndarray | None = None
        self.buffers: list[jax.Array] = []

    def write(self, box: Box, values: np.ndarray) -> None:
        """Takes over what it needs of the part `box` of the array."""
        common = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(self.box, box, strict=True))
        if any(first >= last for first, last in common):
            return
        self._allocate()
        part, target = values[_slices(common, box)], _slices(common, self.box)
        if self.host is not None:
            self.host[target] = part
            return
        start = np.array([span.start for span in target], np.int32)
        self.buffers = [
            _write(buffer, jax.device_put(part, device), start)
            for buffer, device in zip(self.buffers, self.devices, strict=True)
        ]
        jax.block_until_ready(self.buffers)  # what is under way is bounded

    def arrays(self) -> list[jax.Array]:
        self._allocate()
        if self.host is not None:
            return [jax.device_put(self.host, device) for device in self.devices]
        return self.buffers

    def _allocate(self) -> None:
        if self.host is not None or self.buffers:
            return
        if math.prod(self.shape) * self.dtype.itemsize <= PIECE_BYTES:
            self.host = np.empty(self.shape, self.dtype)
        else:
            self.buffers = [jnp.zeros(self.shape, self.dtype, device=device) for device in self.devices]


@partial(jax.jit, donate_argnums=0)
def _write(buffer: jax.Array, part: jax.Array, start: jax.Array) -> jax.Array:
    """`buffer` with `part` at `start`, in place. As bits: XLA's CPU compiler would copy a whole bfloat16 buffer."""
    bits = BITS[buffer.dtype.itemsize]
    part = jax.lax.bitcast_convert_type(_cast(part, buffer.dtype), bits)
    target = jax.lax.bitcast_convert_type(buffer, bits)
    return jax.lax.bitcast_convert_type(jax.lax.dynamic_update_slice(target, part, start), buffer.dtype)


def _cast(x: jax.Array, dtype: np.dtype) -> jax.Array:
    """Widens bfloat16 by its bits: a device may take the smallest numbers for zero."""
    if x.dtype != jnp.bfloat16 or dtype != jnp.float32:
        return x.astype(dtype)
    bits = jax.lax.bitcast_convert_type(x, jnp.uint16).astype(jnp.uint32) << 16
    return jax.lax.bitcast_convert_type(bits, jnp.float32)


def transposed(values: np.ndarray) -> np.ndarray:
    """The transpose of a matrix in memory of its own, by blocks that stay in the cache: NumPy copies it row by row."""
    bits = values.view(BITS[values.dtype.itemsize])
    turned = np.empty(bits.shape[::-1], bits.dtype)
    for start in range(0, len(bits), _BLOCK_ROWS):
        turned[:, start : start + _BLOCK_ROWS] = bits[start : start + _BLOCK_ROWS].T
    return turned.view(values.dtype)


def _ahead(make: Callable[[T], U], items: Iterable[T]) -> Iterator[tuple[T, U]]:
    """Each item with what `make` gives for it, in order; threads are a few items ahead."""
    waiting: deque[tuple[T, Future[U]]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        for item in items:
            waiting.append((item, pool.submit(make, item)))
            if len(waiting) > _READERS:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _local_shards(shape: Sequence[int], dtype: np.dtype, sharding: Sharding | None) -> list[_Shard]:
    """One for each different part of an array that devices of this process hold."""
    if sharding is None:
        return [_Shard(tuple((0, size) for size in shape), dtype, [None])]
    holders: dict[Box, list[Any]] = {}
    for device, index in sharding.addressable_devices_indices_map(tuple(shape)).items():
        box = tuple(s.indices(size)[:2] for s, size in zip(index or (), shape, strict=True))
        holders.setdefault(box, []).append(device)
    return [_Shard(box, dtype, devices) for box, devices in holders.items()]


def _regions(boxes: Sequence[Box]) -> list[Box]:
    """What to read for these disjoint boxes: all at once where they make up one box, which makes longer reads."""
    hull = tuple((min(a for a, _ in spans), max(b for _, b in spans)) for spans in zip(*boxes, strict=True))
    return [hull] if _volume(hull) == sum(map(_volume, boxes)) else list(boxes)


def _pieces(layout: Layout, region: Box, itemsize: int) -> Iterator[Piece]:
    """A region in parts of at most `PIECE_BYTES`, each of one tensor and contiguous in it if its rows are whole."""
    stacked, body = region[: len(layout.stacked)], region[len(layout.stacked) :]
    rows = layout.order[0]  # the axis of the body that the tensor's rows are of
    first, last = body[rows]
    row_bytes = max(1, _volume(body) // max(1, last - first) * itemsize)
    step = max(1, PIECE_BYTES // row_bytes)
    for index in product(*(range(*span) for span in stacked)):
        for start in range(first, last, step):
            span = (start, min(start + step, last))
            yield Piece(index, (*body[:rows], span, *body[rows + 1 :]))


def _slices(box: Box, origin: Box) -> tuple[slice, ...]:
    return tuple(slice(a - first, b - first) for (a, b), (first, _) in zip(box, origin, strict=True))


def _volume(box: Box) -> int:
    return math.prod(last - first for first, last in box)
