"""What a training step reads: packed rows of token ids, and what each token should predict."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import Mesh

from astra_jax.sharding import named_sharding, parts_of_rows, row_order
from astra_jax.training.distributed import put


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PackedBatch:
    """Arrays [B, T]: B packed rows of T tokens. Everything about a prediction stands at the predicting token.

    A row holds several segments one after the other. A segment sees itself and, if it has one, its parent:
    the prompt of a group, packed once for all its responses. On the host the arrays are NumPy's.
    """

    tokens: jax.Array  # int32; 0 in padding
    targets: jax.Array  # int32: the token that follows in the same segment; 0 where none does
    positions: jax.Array  # int32, counted from the start of the sample
    segment_ids: jax.Array  # int32, from 1 within a row; 0 is padding
    parent_ids: (
        jax.Array | None
    )  # int32: the segment that precedes this one; 0 is none. None: no segment has one
    loss_weights: jax.Array  # float32: weight of predicting `targets`; 0 for no loss
    advantages: jax.Array | None = None  # float32, RL
    sampler_logprobs: jax.Array | None = None  # float32, RL: of `targets`, as the sampler computed it
    reference_logprobs: jax.Array | None = None  # float32, RL with a KL term: of `targets`, by the reference
    sources: jax.Array | None = None  # int32: which source of a mixture the token is of; None: there is one


def place(batch: PackedBatch, mesh: Mesh) -> PackedBatch:
    """The batch on `mesh`, its rows split as the sharding rules say, and their tokens in `sharding.row_order`.

    In a run of several processes all have the whole batch, and each copies what its devices hold.

    Raises:
        ShardingError: it does not divide.
    """

    def move(x: jax.Array) -> jax.Array:
        ordered = np.asarray(x)[:, row_order(x.shape[1], parts_of_rows(mesh))]
        return put(ordered, named_sharding(mesh, ("batch", "time"), x.shape, name="batch"))

    return jax.tree.map(move, batch)


def total_weight(batch: PackedBatch) -> jax.Array:
    """The global token denominator: the sum of the loss weights of the whole batch."""
    return batch.loss_weights.sum()
