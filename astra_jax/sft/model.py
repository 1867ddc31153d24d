"""The model that a run starts from: a Hugging Face directory, or weights drawn from the seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from astra_jax.checkpoints.hf import check_exportable, import_model
from astra_jax.models.config import ModelConfig
from astra_jax.models.induction import start_with_induction
from astra_jax.models.transformer import Transformer, abstract_model
from astra_jax.sft.step import as_computed
from astra_jax.sharding import make_mesh
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.distributed import put
from astra_jax.training.settings import BadSetting, choose
from astra_jax.training.state import join_model, param_shardings, split_model, with_config

# What is done to the weights of a model that was just drawn, given the seed.
STARTS: dict[str, Callable[[Transformer, int], None] | None] = {
    "noise": None,
    "induction": start_with_induction,
}

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def load_model(config: Config, tokenizer: Tokenizer, mesh: Mesh) -> Transformer:
    """The model of `config.model.path`, or one drawn from `config.seed` when there is no path, on `mesh`.

    Raises:
        BadSetting: `config.model.start` is none of `STARTS`; or as `asked_shape`.
    """
    if config.model.path:
        imported = import_model(config.model.path, mesh=mesh)
        return with_config(imported, as_computed(config, imported.config))
    start = choose("model.start", config.model.start, STARTS)
    shape = as_computed(config, asked_shape(config, tokenizer.vocab_size))
    if start is None:
        return _draw_model(shape, config.seed, mesh)
    # It changes whole arrays, and only small models have one.
    whole = _draw_model(shape, config.seed, make_mesh(devices=jax.local_devices()[:1]))
    start(whole, config.seed)
    graph, params = split_model(whole)
    placed = jax.tree.map(lambda x, place: put(np.asarray(x), place), params, param_shardings(whole, mesh))
    return join_model(graph, placed)


def asked_shape(config: Config, vocab_size: int) -> ModelConfig:
    """What a model from nothing is to be.

    Raises:
        BadSetting: there can be no model as `config.model.init` says, or it could not be exported.
    """
    try:
        shape = ModelConfig(vocab_size=vocab_size, **config.model.init)
        check_exportable(shape)
    except ValueError as error:
        raise BadSetting(f"config.model.init: {error}") from error
    return shape


def _draw_model(shape: ModelConfig, seed: int, mesh: Mesh) -> Transformer:
    """A model with random weights, each drawn where it will live: no device ever holds all of a large model."""
    abstract = abstract_model(shape)
    draw = jax.jit(
        lambda: split_model(Transformer(shape, rngs=nnx.Rngs(seed)))[1],
        out_shardings=param_shardings(abstract, mesh),
    )
    return join_model(split_model(abstract)[0], draw())
