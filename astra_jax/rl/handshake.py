"""Before anything is trained: do the servers sample from the policy that the trainer computes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from astra_jax.inference.episodes import Job, Player
from astra_jax.rl.batching import as_sample
from astra_jax.rl.loss import policy_loss
from astra_jax.training.batch import PackedBatch, place
from astra_jax.training.packing import pack, single
from astra_jax.training.state import join_model
from data_synthesis.records import Episode

_TOKENS = 32  # of a first turn

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


class PolicyMismatch(RuntimeError):
    """The servers' log-probs are not the trainer's."""


async def first_turns(player: Player, jobs: Sequence[Job]) -> list[Episode]:
    """How the episodes of `jobs` begin: one short turn of each."""
    tokens = min(_TOKENS, player.limits.max_turn_tokens)
    return await replace(player, limits=replace(player.limits, max_turns=1, max_turn_tokens=tokens)).play_all(
        jobs
    )


def check_agreement(
    config: Config, graph: nnx.GraphDef, params: Any, mesh: Mesh, episodes: Sequence[Episode]
) -> float:
    """The mean of |sampler's log-prob - trainer's| over the sampled tokens, in nats.

    In a run of several processes all call it, with the same episodes.

    Raises:
        PolicyMismatch: it is more than `config.servers.most_gap`, or nothing was sampled.
    """
    masks = [(episode, np.asarray(episode.loss_mask, np.float32)) for episode in episodes]
    samples = [as_sample(episode, np.zeros_like(mask), mask) for episode, mask in masks if mask.any()]
    if not samples:
        reasons = ", ".join(sorted({episode.stop_reason for episode in episodes}))
        raise PolicyMismatch(
            f"no token was sampled in {len(episodes)} episodes ({reasons}): nothing to compare"
        )
    batch = pack([single(sample) for sample in samples], config.row_length, config.micro_rows)
    batch = replace(batch, parent_ids=None)  # no prompt is shared
    mean, largest = _gap(config, graph, params, mesh, batch)
    if not mean <= config.servers.most_gap:
        raise PolicyMismatch(
            f"the servers' log-probs differ from the trainer's by {mean:.3g} nats a token ({largest:.3g} at most), "
            f"and config.servers.most_gap is {config.servers.most_gap:g}: another model, temperature or precision "
            "is served than is trained"
        )
    return mean


def _gap(
    config: Config, graph: nnx.GraphDef, params: Any, mesh: Mesh, batch: PackedBatch
) -> tuple[float, float]:
    """Mean and maximum over the batch, by the forward pass of the update."""

    @jax.jit
    def measure(params: Any, batch: PackedBatch) -> tuple[jax.Array, jax.Array]:
        _, figures = policy_loss(
            join_model(graph, params), batch, temperature=config.temperature, chunk=config.logits_chunk
        )
        return figures["logprob_gap"].reduce(), figures["logprob_gap_max"].reduce()

    with jax.set_mesh(mesh):
        mean, largest = jax.device_get(measure(params, place(batch, mesh)))
    return float(mean), float(largest)
