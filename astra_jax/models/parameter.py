"""A parameter, described once: shape, logical axes, initialiser.

The description travels with the `nnx.Param`: sharding reads its axes, import and export its shape, a plan its
abstract value (`nnx.eval_shape`).
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.config import ModelConfig

Axes = tuple[str, ...]


def matrix(config: ModelConfig, rngs: nnx.Rngs, **sizes: int) -> nnx.Param:
    """A weight drawn from N(0, init_std²); `sizes` are its logical axes in order, with their sizes."""
    value = config.init_std * jax.random.normal(rngs.params(), tuple(sizes.values()), jnp.float32)
    return _parameter(config, value, sizes)


def constant(config: ModelConfig, value: float, **sizes: int) -> nnx.Param:
    """A parameter that starts as a constant: a norm's scale, a bias."""
    return _parameter(config, jnp.full(tuple(sizes.values()), value), sizes)


def _parameter(config: ModelConfig, value: jax.Array, sizes: dict[str, int]) -> nnx.Param:
    return nnx.Param(value.astype(config.param_dtype), axes=tuple(sizes))


def named_parameters(model: nnx.Module) -> Iterator[tuple[str, nnx.Param]]:
    """Each parameter with its dotted path (`layers.attention.query`), in a fixed order."""
    for path, parameter in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        yield ".".join(map(str, path)), parameter
