"""A parameter, filled where it lives from pieces of its tensors.

Each process fills the shards of its own devices, so that nothing is exchanged. A piece is read once and written to
every shard that needs some of it. Neither a whole parameter nor a whole tensor is ever in host memory, except for the
arrays of CPU devices, which are there by their nature.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from astra_jax.checkpoints.layout import Index, Layout
from astra_jax.checkpoints.safetensors_dir import TensorReader
from astra_jax.checkpoints.safetensors_file import Box

PIECE_BYTES = 16 * 2**20  # read at a time; shards up to this size are put together in host memory

BITS = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint64}


@dataclass(frozen=True)
class Piece:
    """A part of one tensor: which one, and a range of each axis of the parameter's body."""

    index: Index
    body: Box


def fill(layout: Layout, dtype: str, sharding: Sharding | None, reader: TensorReader) -> jax.Array:
    """The parameter from the tensors of `reader`, in `dtype`, laid out as `sharding` says.

    Args:
        sharding: None is the default device, to which the array is not tied.

    Raises:
        CheckpointError: a file ends too soon.
    """
    shards = _local_shards(layout.shape, sharding)
    stored = reader.dtype(layout.name((0,) * len(layout.stacked)))
    itemsize = max(jnp.dtype(dtype).itemsize, jnp.dtype(stored).itemsize)
    for region in _regions([shard.box for shard in shards]):
        for piece in _pieces(layout, region, itemsize):
            values = reader.read(layout.name(piece.index), layout.view, _permuted(piece.body, layout.order))
            for shard in shards:
                shard.write(layout, piece, values, dtype)
    arrays = [array for shard in shards for array in shard.arrays(dtype)]
    if sharding is None:
        return arrays[0]
    return jax.make_array_from_single_device_arrays(layout.shape, sharding, arrays)


class _Shard:
    """The part `box` of an array, which each of `devices` holds, while it is filled."""

    def __init__(self, box: Box, devices: list[Any]):
        self.box, self.devices = box, devices
        self.shape = tuple(last - first for first, last in box)
        self.host: np.ndarray | None = None
        self.buffers: list[jax.Array] = []

    def write(self, layout: Layout, piece: Piece, values: np.ndarray, dtype: str) -> None:
        """Takes over what it needs of a piece, whose values are in the order of the tensor."""
        whole = (*((i, i + 1) for i in piece.index), *piece.body)
        common = tuple(_common(a, b) for a, b in zip(self.box, whole, strict=True))
        if any(first >= last for first, last in common):
            return
        self._allocate(dtype)
        inside = _relative(
            _permuted(common[len(piece.index) :], layout.order), _permuted(piece.body, layout.order)
        )
        part = values[tuple(slice(*span) for span in inside)]
        target = _relative(common, self.box)
        if self.host is not None:
            block = self.host[tuple(slice(*span) for span in target)]
            block[...] = part.transpose(_inverse(layout.order)).reshape(block.shape)
            return
        start = np.array([first for first, _ in target], np.int32)
        how = {"order": _inverse(layout.order), "stacked": len(piece.index)}
        self.buffers = [
            _write(buffer, jax.device_put(part, device), start, **how)
            for buffer, device in zip(self.buffers, self.devices, strict=True)
        ]
        # What is under way is bounded by one piece.
        jax.block_until_ready(self.buffers)

    def arrays(self, dtype: str) -> list[jax.Array]:
        self._allocate(dtype)
        if self.host is not None:
            return [jax.device_put(self.host, device) for device in self.devices]
        return self.buffers

    def _allocate(self, dtype: str) -> None:
        if self.host is not None or self.buffers:
            return
        if math.prod(self.shape) * jnp.dtype(dtype).itemsize <= PIECE_BYTES:
            self.host = np.empty(self.shape, jnp.dtype(dtype))
        else:
            self.buffers = [jnp.zeros(self.shape, dtype, device=device) for device in self.devices]


@partial(jax.jit, donate_argnums=0, static_argnames=("order", "stacked"))
def _write(
    buffer: jax.Array, part: jax.Array, start: jax.Array, *, order: tuple[int, ...], stacked: int
) -> jax.Array:
    """`buffer` with `part` at `start`, in place. As bits: XLA's CPU compiler would copy a whole bfloat16 buffer."""
    bits = BITS[buffer.dtype.itemsize]
    part = _cast(part, buffer.dtype).transpose(order)
    part = jax.lax.bitcast_convert_type(part, bits).reshape((1,) * stacked + part.shape)
    target = jax.lax.bitcast_convert_type(buffer, bits)
    return jax.lax.bitcast_convert_type(jax.lax.dynamic_update_slice(target, part, start), buffer.dtype)


def _cast(x: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Widens bfloat16 by its bits: some devices would flush the smallest numbers to zero."""
    if x.dtype != jnp.bfloat16 or dtype != jnp.float32:
        return x.astype(dtype)
    bits = jax.lax.bitcast_convert_type(x, jnp.uint16).astype(jnp.uint32) << 16
    return jax.lax.bitcast_convert_type(bits, jnp.float32)


def _local_shards(shape: Sequence[int], sharding: Sharding | None) -> list[_Shard]:
    """One for each different part of an array that devices of this process hold."""
    if sharding is None:
        return [_Shard(tuple((0, size) for size in shape), [None])]
    holders: dict[Box, list[Any]] = {}
    for device, index in sharding.addressable_devices_indices_map(tuple(shape)).items():
        box = tuple(s.indices(size)[:2] for s, size in zip(index or (), shape, strict=True))
        holders.setdefault(box, []).append(device)
    return [_Shard(box, devices) for box, devices in holders.items()]


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


def _permuted(box: Box, order: Sequence[int]) -> Box:
    return tuple(box[axis] for axis in order)


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))


def _common(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return max(a[0], b[0]), min(a[1], b[1])


def _relative(box: Box, origin: Box) -> Box:
    return tuple((a - first, b - first) for (a, b), (first, _) in zip(box, origin, strict=True))


def _volume(box: Box) -> int:
    return math.prod(last - first for first, last in box)
