"""A parameter, described once: shape, logical axes, initialiser.

The description travels with the `nnx.Param`: sharding reads its axes, import and export its shape and inputs, a
plan its abstract value (`nnx.eval_shape`).
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.config import ModelConfig

Sizes = dict[str, int]  # logical axis -> size, in order


def matrix(config: ModelConfig, rngs: nnx.Rngs, sizes: Sizes, *, inputs: int | None = None) -> nnx.Param:
    """A weight drawn from N(0, init_std²).

    Args:
        inputs: of a linear map, how many axes (after `layers`) are its input; None for a table.
    """
    value = config.init_std * jax.random.normal(rngs.params(), tuple(sizes.values()), jnp.float32)
    return nnx.Param(value.astype(config.param_dtype), axes=tuple(sizes), inputs=inputs)


def constant(config: ModelConfig, value: float, sizes: Sizes) -> nnx.Param:
    """A parameter that starts as a constant: a norm's scale, a bias."""
    full = jnp.full(tuple(sizes.values()), value, config.param_dtype)
    return nnx.Param(full, axes=tuple(sizes), inputs=0)


def named_parameters(model: nnx.Module) -> Iterator[tuple[str, nnx.Param]]:
    """Each parameter with its dotted path (`layers.attention.query.weight`), in a fixed order."""
    for path, parameter in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        yield ".".join(map(str, path)), parameter
