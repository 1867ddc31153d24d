"""The update of an RL configuration: what the trainer runs and what a plan compiles."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from astra_jax.models import ModelConfig, Transformer
from astra_jax.rl.loss import policy_loss
from astra_jax.training.optimizer import Optimizer
from astra_jax.training.state import TrainState, computed_dtypes, split_model
from astra_jax.training.step import TrainStep, make_train_step

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def as_computed(config: Config, shape: ModelConfig) -> ModelConfig:
    """`shape` with the types and the remat policy that `config` asks for."""
    return replace(shape, compute_dtype=config.compute_dtype, remat=config.remat)


def make_step(
    config: Config, model: Transformer, optimizer: Optimizer, state: TrainState, rows: int
) -> TrainStep:
    """The compiled update of a batch of `rows` rows, a multiple of `config.micro_rows`.

    Args:
        model: may be abstract.
        state: the run's, or an abstract one: only where its arrays live is read.
    """
    loss = partial(
        policy_loss,
        temperature=config.temperature,
        clip_low=config.clip_low,
        clip_high=config.clip_high,
        chunk=config.logits_chunk,
    )
    # `to_batch` has divided the weights by the global denominator already.
    return make_train_step(
        split_model(model)[0],
        optimizer,
        loss,
        denominator=lambda batch: jnp.float32(1.0),
        micro_batches=rows // config.micro_rows,
        shardings=jax.tree.map(lambda x: x.sharding, state),
        dtypes=computed_dtypes(model),
    )
