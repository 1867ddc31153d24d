"""A parameter, taken apart into the tensors that Hugging Face keeps for it, one after the other in host memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from astra_jax.checkpoints.fill import BITS, PIECE_BYTES, transposed
from astra_jax.checkpoints.layout import Index, Layout
from astra_jax.checkpoints.safetensors_file import NewTensor


def tensors_of(layout: Layout, value: jax.Array, dtype: str) -> Iterator[NewTensor]:
    """The tensors of a parameter, to be written as `dtype`. Where processes share it, all must make them, in order."""
    make = _from_host if value.nbytes <= PIECE_BYTES and value.is_fully_addressable else _from_devices
    for index, name in layout.names():
        yield NewTensor(name, layout.tensor_shape, dtype, partial(make, layout, value, index))


def _from_host(layout: Layout, value: jax.Array, index: Index) -> np.ndarray:
    return _in_their_order(layout, np.asarray(value)[index])


def _from_devices(layout: Layout, value: jax.Array, index: Index) -> np.ndarray:
    everywhere = None
    if isinstance(value.sharding, NamedSharding):
        everywhere = NamedSharding(value.sharding.mesh, PartitionSpec())
    body = _cutter(everywhere)(value, np.array(index, np.int32))
    return _in_their_order(layout, np.asarray(body.addressable_data(0)).view(value.dtype))


def _in_their_order(layout: Layout, body: np.ndarray) -> np.ndarray:
    if layout.inputs:
        body = transposed(np.ascontiguousarray(body).reshape(math.prod(body.shape[: layout.inputs]), -1))
    return body.reshape(layout.tensor_shape)


@lru_cache(maxsize=64)
def _cutter(sharding: NamedSharding | None) -> Callable[[jax.Array, np.ndarray], jax.Array]:
    @partial(jax.jit, out_shardings=sharding)
    def cut(value: jax.Array, index: jax.Array) -> jax.Array:
        """As bits, which every device moves as they are."""
        bits = jax.lax.bitcast_convert_type(value, BITS[value.dtype.itemsize])
        stacked, body = index.shape[0], value.shape[index.shape[0] :]
        start = [*index, *(0 for _ in body)]
        return jax.lax.dynamic_slice(bits, start, (1,) * stacked + body).reshape(body)

    return cut
