"""Low-rank adapters beside linear maps (LoRA, arXiv 2106.09685): all other weights are frozen, perhaps in few bits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.linear import Linear
from astra_jax.models.parameter import named_parameters
from astra_jax.models.transformer import Transformer


class Adapter(nnx.Param):
    """A weight that is trained while those that are not of this kind are frozen."""


class LowRank(nnx.Module):
    """[N, inputs] -> [N, outputs], `alpha / rank * x A B`, one for each of L layers. B starts at 0."""

    def __init__(self, linear: Linear, rank: int, alpha: float, key: jax.Array):
        weight = linear.weight
        names, inputs = tuple(weight.axes), weight.inputs
        head, outer = weight.shape[: 1 + inputs], weight.shape[1 + inputs :]
        self.rank, self.alpha, self.dtype = rank, alpha, linear.dtype
        self.inputs = linear.inputs
        bound = 1 / math.sqrt(linear.inputs)  # as PEFT draws it
        drawn = jax.random.uniform(key, (*head, rank), jnp.float32, -bound, bound)
        self.a = Adapter(drawn, axes=(*names[: 1 + inputs], "rank"), inputs=inputs)
        zeros = jnp.zeros((head[0], rank, *outer), jnp.float32)
        self.b = Adapter(zeros, axes=(names[0], "rank", *names[1 + inputs :]), inputs=1)

    def __call__(self, rows: jax.Array) -> jax.Array:
        a = self.a.astype(self.dtype).reshape(self.inputs, self.rank)
        b = self.b.astype(self.dtype).reshape(self.rank, -1)
        return (rows @ a) @ b * jnp.asarray(self.alpha / self.rank, self.dtype)

    def product(self) -> jax.Array:
        """What the adapter adds to the weights of all layers, float32 [L, *inputs, *outputs]."""
        layers = self.a.shape[0]
        a = self.a.astype(jnp.float32).reshape(layers, self.inputs, self.rank)
        b = self.b.astype(jnp.float32).reshape(layers, self.rank, -1)
        whole = (*self.a.shape[:-1], *self.b.shape[2:])
        return (self.alpha / self.rank * (a @ b)).reshape(whole)


def attach(model: Transformer, rank: int, alpha: float, targets: str, seed: int) -> list[str]:
    """Gives an adapter to each linear map of `model` whose path (`attention/query`) matches `targets`; all weights but
    those of adapters are frozen from then on.

    Returns:
        The paths.
    """
    found = [(path, linear) for path, linear in linears(model) if re.fullmatch(targets, path)]
    for number, (_, linear) in enumerate(found):
        linear.low_rank = LowRank(linear, rank, alpha, jax.random.fold_in(jax.random.key(seed), number))
    return [path for path, _ in found]


def quantise(model: Transformer, quantise: Callable[[jax.Array, int], Any], dequantise: Callable) -> None:
    """Keeps the weights of all linear maps as `quantise` gives them, from (weights, number of input axes)."""
    for _, linear in linears(model):
        linear.weight.set_value(quantise(linear.weight.get_value(), linear.weight.inputs))
        linear.dequantise = dequantise


def merge(model: Transformer) -> None:
    """Adds each adapter to the weights that it is beside, in float32, and takes it away; all weights are then in the
    type of the model's parameters."""
    for _, linear in linears(model):
        weight = linear.weight.get_value()
        dense = weight if linear.dequantise is None else linear.dequantise(weight)
        if linear.low_rank is not None:
            dense = dense.astype(jnp.float32) + linear.low_rank.product()
        linear.weight.set_value(dense)
        linear.low_rank, linear.dequantise = None, None
    for _, parameter in named_parameters(model):
        parameter.set_value(parameter.get_value().astype(model.config.param_dtype))


def linears(model: Transformer) -> Iterator[tuple[str, Linear]]:
    """The linear maps of the layers, by path, in a fixed order."""
    for path, module in nnx.iter_modules(model.layers):
        if isinstance(module, Linear):
            yield "/".join(map(str, path)), module
