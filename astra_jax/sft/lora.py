"""Runs that train adapters only: what their configuration makes of a model."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from astra_jax.models import ModelConfig, Transformer, abstract_model
from astra_jax.models.low_rank import Adapter, attach, linears, quantise
from astra_jax.models.parameter import named_parameters
from astra_jax.sharding import named_sharding
from astra_jax.training.distributed import put
from astra_jax.training.settings import BadSetting

BITS = ("as is", "int8", "int4", "nf4")  # how frozen weights may be kept
EXPORTS = ("merged", "adapter")

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def freeze(config: Config, model: Transformer, mesh: Mesh) -> None:
    """Freezes `model` and gives it adapters, if `config.lora.rank` asks for that.

    Frozen matrices are kept in the type of their products, linear maps in the few bits of `config.lora.weights`.

    Raises:
        BadSetting: `config.lora.targets` matches no linear map; quantisation is asked for and qwix is missing.
    """
    if not config.lora.rank:
        return
    _adapt(config, model)
    for path, linear in linears(model):
        for factor in (linear.low_rank.a, linear.low_rank.b) if linear.low_rank else ():
            _move(factor, mesh, path)


def abstract(config: Config, shape: ModelConfig) -> Transformer:
    """What `freeze` makes of a model of `shape`, with weights that are shapes: nothing is drawn. Raises as `freeze`."""
    if not config.lora.rank:
        return abstract_model(shape)

    def adapted() -> Transformer:
        model = Transformer(shape, rngs=nnx.Rngs(0))
        _adapt(config, model)
        return model

    return nnx.eval_shape(adapted)


def _adapt(config: Config, model: Transformer) -> None:
    lora = config.lora
    if lora.weights != "as is":
        _quantise(model, lora.weights, lora.tile)
    for _, parameter in named_parameters(model):
        value = parameter.get_value()
        # A matrix that is kept whole.
        if parameter.get_metadata("inputs") != 0 and isinstance(value, jax.Array):
            parameter.set_value(value.astype(model.config.compute_dtype))
    if not attach(model, lora.rank, lora.alpha, lora.targets, config.seed):
        known = ", ".join(path for path, _ in linears(model))
        raise BadSetting(f"config.lora.targets is {lora.targets!r}, which matches none of: {known}")


def _move(factor: Adapter, mesh: Mesh, name: str) -> None:
    place = named_sharding(mesh, factor.axes, factor.shape, name=f"adapter of {name}")
    factor.set_value(put(np.asarray(factor.get_value()), place))


def _quantise(model: Transformer, kind: str, tile: int) -> None:
    try:
        import qwix
    except ImportError:
        raise BadSetting(
            f"config.lora.weights is {kind!r}, which needs qwix: pip install 'astra-jax[lora]'"
        ) from None
    for path, linear in linears(model):
        side = linear.weight.shape[linear.weight.inputs]
        if side % tile:
            raise BadSetting(f"config.lora.tile is {tile}: the {side} inputs of {path} do not divide by it")

    @partial(jax.jit, static_argnums=1)
    def in_few_bits(weight: jax.Array, inputs: int) -> Any:
        # The last axis of the inputs is cut into tiles; of all others, each index has scales of its own.
        others = tuple(axis for axis in range(weight.ndim) if axis != inputs)
        return qwix.quantize(weight, kind, channelwise_axes=others, tiled_axes={inputs: tile})

    quantise(model, in_few_bits, qwix.dequantize)
