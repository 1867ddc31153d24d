"""The policy that a run started from, to which its KL term holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from astra_jax.models import Transformer
from astra_jax.sharding import constrain
from astra_jax.training.batch import PackedBatch
from astra_jax.training.loss import token_logprobs
from astra_jax.training.state import computed_dtypes, join_model, split_model
from astra_jax.training.step import split_rows

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


class Reference:
    """Scores a batch in a pass of its own before the update, `config.micro_rows` rows at a time.

    In a pass of its own, the update is the same program whatever the reference is, and no activation of one waits for
    the other. Weights are kept in the types that products read, where the run's own weights lie.
    """

    def __init__(self, config: Config, model: Transformer):
        """
        Args:
            model: on the mesh of the run; its weights are copied, as an update overwrites the run's.
        """
        graph, params = split_model(model)
        self.params = jax.tree.map(lambda x, dtype: jnp.array(x, dtype), params, computed_dtypes(model))

        def score(params: Any, batch: PackedBatch) -> jax.Array:
            def score_part(part: PackedBatch) -> jax.Array:
                part = jax.tree.map(lambda x: constrain(x, "batch", "time", name="micro-batch"), part)
                return jax.lax.cond(
                    jnp.any(part.loss_weights > 0),
                    lambda: _logprobs(join_model(graph, params), part, config),
                    lambda: jnp.zeros(part.tokens.shape, jnp.float32),
                )

            count = batch.tokens.shape[0] // config.micro_rows
            parts = jax.tree.map(lambda x: split_rows(x, count), batch)
            return jax.lax.map(score_part, parts).reshape(batch.tokens.shape)

        self._score = jax.jit(score)

    def with_logprobs(self, batch: PackedBatch) -> PackedBatch:
        """The batch, placed on the mesh, with the reference's log-probs of its trained tokens; 0 at all others."""
        logprobs = jax.device_put(self._score(self.params, batch), batch.loss_weights.sharding)
        return replace(batch, reference_logprobs=logprobs)


def _logprobs(model: Transformer, batch: PackedBatch, config: Config) -> jax.Array:
    hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
    trained = batch.loss_weights > 0
    return token_logprobs(
        model, hidden, batch.targets, config.temperature, chunk=config.logits_chunk, mask_BxT=trained
    )[0]
