"""An affine map between axes with names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from astra_jax.models.config import ModelConfig
from astra_jax.models.outputs_first import outputs_first_product
from astra_jax.models.parameter import Sizes, constant, matrix


class Linear(nnx.Module):
    """[B, T, *inputs] -> [B, T, *outputs], one for each of L layers."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs, inputs: Sizes, outputs: Sizes, *, bias: bool):
        layers = {"layers": config.num_layers}
        self.dtype = config.compute_dtype
        self.inputs, self.outputs = math.prod(inputs.values()), tuple(outputs.values())
        self.weight = matrix(config, rngs, layers | inputs | outputs, inputs=len(inputs))
        self.bias = constant(config, 0.0, layers | outputs) if bias else None
        self.outputs_first = False  # whether the weights are kept as [outputs, inputs]
        # See `low_rank`: an adapter beside the weights, and what reads them where they are kept in few bits.
        self.low_rank: Any = nnx.data(None)  # a `LowRank`
        self.dequantise: Callable[[Any], jax.Array] | None = None

    def __call__(self, x: jax.Array) -> jax.Array:
        # One product of two matrices: with more axes, XLA's CPU compiler transposes operands in its gradient.
        time = x.shape[:2]
        rows = x.reshape(math.prod(time), self.inputs)
        y = self._product(rows)
        if self.low_rank is not None:
            y += self.low_rank(rows)
        y = y.reshape(*time, *self.outputs)
        return y if self.bias is None else y + self.bias.astype(self.dtype)

    def put_outputs_first(self) -> None:
        """Keeps the weights, of one layer, as [outputs, inputs]; those in few bits stay as they are."""
        if self.dequantise is None:
            self.weight.set_value(self.weight.get_value().reshape(self.inputs, -1).T)
            self.outputs_first = True

    def _product(self, rows: jax.Array) -> jax.Array:
        weight = self.weight if self.dequantise is None else self.dequantise(self.weight.get_value())
        if self.outputs_first:
            return outputs_first_product(rows, weight.astype(self.dtype))
        return rows @ weight.astype(self.dtype).reshape(self.inputs, -1)
