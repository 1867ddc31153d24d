"""The update of an RL configuration: what the trainer runs and what a plan compiles."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from astra_jax.models import ModelConfig, Transformer
from astra_jax.rl.algorithms import parts_of
from astra_jax.rl.correction import SEQUENCE_CORRECTIONS, TOKEN_CORRECTIONS, Correction
from astra_jax.rl.kl import ESTIMATORS
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.training.optimizer import Optimizer
from astra_jax.training.settings import BadSetting, choose
from astra_jax.training.state import TrainState, computed_dtypes, split_model
from astra_jax.training.step import TrainStep, make_train_step

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def as_computed(config: Config, shape: ModelConfig) -> ModelConfig:
    """`shape` with the types and the remat policy that `config` asks for."""
    return replace(shape, compute_dtype=config.compute_dtype, remat=config.remat)


def make_objective(config: Config) -> Objective:
    """What the update of a configuration maximises.

    Raises:
        BadSetting: an unknown name, a bound that nothing can meet, or a correction that the ratio has in it already.
    """
    parts = parts_of(config)
    _check_bounds(config)
    correction = Correction(decoupled=config.decoupled, **config.correction)
    choose("correction.token", correction.token, dict.fromkeys(TOKEN_CORRECTIONS))
    choose("correction.sequence", correction.sequence, dict.fromkeys(SEQUENCE_CORRECTIONS))
    choose("kl_estimator", config.kl_estimator, ESTIMATORS)
    if correction.token == "tis" and not correction.decoupled:
        raise BadSetting(
            "config.correction.token is 'tis' and config.decoupled is False: the ratio to the sampler is in the "
            "loss already; set config.decoupled=true to have it as a weight, or take 'icepop'"
        )
    return Objective(
        surrogate=parts.surrogate,
        clip_low=parts.clip_low,
        clip_high=parts.clip_high,
        correction=correction,
        kl_coefficient=config.kl_coefficient,
        kl_estimator=config.kl_estimator,
        entropy_coefficient=config.entropy_coefficient,
    )


def _check_bounds(config: Config) -> None:
    c = config.correction
    for name in ("icepop", "sequence"):
        low, high = c[f"{name}_low"], c[f"{name}_high"]
        if not 0 <= low <= 1 <= high:
            raise BadSetting(
                f"config.correction.{name}_low is {low} and {name}_high {high}: 1, where sampler and trainer agree, "
                "must lie between them"
            )
    for name, value in (("correction.tis_cap", c.tis_cap), ("dr_grpo_tokens", config.dr_grpo_tokens)):
        if value <= 0:
            raise BadSetting(f"config.{name} is {value}: it must be above 0")
    for name in ("kl_coefficient", "entropy_coefficient"):
        if config[name] < 0:
            raise BadSetting(f"config.{name} is {config[name]}: it is 0 or more")


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
        objective=make_objective(config),
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
