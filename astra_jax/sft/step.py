"""The update of an SFT configuration: what the trainer runs and what a plan compiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from astra_jax.models import ModelConfig, Transformer
from astra_jax.training.loss import RouterWeights, cross_entropy
from astra_jax.training.optimizer import Optimizer
from astra_jax.training.state import TrainState, computed_dtypes, split_trained
from astra_jax.training.step import LossFn, TrainStep, make_train_step

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def as_computed(config: Config, shape: ModelConfig) -> ModelConfig:
    """`shape` with the types and the remat policy that `config.model` asks for."""
    return replace(shape, compute_dtype=config.model.compute_dtype, remat=config.model.remat)


def make_step(
    config: Config, model: Transformer, optimizer: Optimizer, state: TrainState, frozen: Any = None
) -> TrainStep:
    """The compiled update of `config`.

    Args:
        model: may be abstract.
        state: the run's, or an abstract one: only where its arrays live is read.
        frozen: the weights that are not in the state, as `state.split_trained` or `state.abstract_frozen` gives them.
    """
    return make_train_step(
        split_trained(model)[0],
        optimizer,
        loss_of(config, model, _names(config)),
        micro_batches=config.micro_batches,
        shardings=jax.tree.map(lambda x: x.sharding, state),
        dtypes=computed_dtypes(model),
        frozen=frozen,
    )


def loss_of(config: Config, model: Transformer, sources: Sequence[str]) -> LossFn:
    """What `config` trains by; `sources` as `cross_entropy` has them."""
    weights = RouterWeights(config.model.router_balance, config.model.router_z)
    router = weights if model.config.num_experts and (weights.balance or weights.z) else None
    return partial(cross_entropy, chunk=config.logits_chunk, router=router, sources=sources)


def _names(config: Config) -> tuple[str, ...]:
    """Of the sources of a mixture: a source alone has the loss of all."""
    names = tuple(name for name, _, _ in config.data.sources)
    return names if len(names) > 1 else ()
