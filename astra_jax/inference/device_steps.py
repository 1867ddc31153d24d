"""What the engine does on the device: feed a chunk of prompt tokens, and sample a few tokens for every slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from astra_jax.inference.interface import Sampling
from astra_jax.inference.sampling import sample


@jax.tree_util.register_dataclass
@dataclass
class DecodeRows:
    """The state of every slot at the start of a dispatch, one entry a slot (S slots)."""

    token_S: np.ndarray  # the last token, not yet in the cache
    position_S: np.ndarray  # its position; -1 for an idle slot
    remaining_S: np.ndarray  # tokens it may still sample
    temperature_S: np.ndarray
    seed_S: np.ndarray
    stop_SxN: np.ndarray  # padded with -1

    @classmethod
    def idle(cls, slots: int, stop_ids: int) -> DecodeRows:
        return cls(
            token_S=np.zeros(slots, np.int32),
            position_S=np.full(slots, -1, np.int32),
            remaining_S=np.zeros(slots, np.int32),
            temperature_S=np.ones(slots, np.float32),
            seed_S=np.zeros(slots, np.uint32),
            stop_SxN=np.full((slots, stop_ids), -1, np.int32),
        )

    def set(self, slot: int, ids: np.ndarray, remaining: int, sampling: Sampling) -> None:
        self.token_S[slot] = ids[-1]
        self.position_S[slot] = len(ids) - 1
        self.remaining_S[slot] = remaining
        self.temperature_S[slot] = sampling.temperature
        self.seed_S[slot] = sampling.seed & 0xFFFFFFFF
        self.stop_SxN[slot, : len(sampling.stop_ids)] = sampling.stop_ids


@partial(jax.jit, static_argnums=0, donate_argnums=2)
def prefill_chunk(graph: Any, weights: Any, cache: Any, row_P, token_PxC, position_PxC):
    """Writes the keys and values of C tokens of P rows of the cache. Rows out of range are ignored."""
    model = nnx.merge(graph, weights)
    rows = jax.tree.map(lambda leaf: leaf.at[row_P].get(mode="clip"), cache)
    _, rows = model.extend(token_PxC, position_PxC, rows)
    return jax.tree.map(lambda leaf, new: leaf.at[row_P].set(new, mode="drop"), cache, rows)


@partial(jax.jit, static_argnums=(0, 4), donate_argnums=2)
def decode_steps(graph: Any, weights: Any, cache: Any, rows: DecodeRows, steps: int):
    """Samples up to `steps` tokens for every active slot.

    Returns:
        the cache, tokens (int32 [steps, S], -1 where a slot was not active) and their log-probs.
    """
    model = nnx.merge(graph, weights).unstacked()  # its weights are sliced once, not at every step
    temperature_S, seed_S = jnp.asarray(rows.temperature_S), jnp.asarray(rows.seed_S)

    def step(carry, _):
        cache, token_S, position_S, remaining_S = carry
        hidden_Sx1xD, cache = model.extend(token_S[:, None], position_S[:, None], cache)
        logits_SxV = model.logits(hidden_Sx1xD)[:, 0].astype(jnp.float32)
        drawn_S, logprob_S = sample(logits_SxV, temperature_S, seed_S, position_S + 1)
        active_S = position_S >= 0
        remaining_S = remaining_S - 1
        stopped_S = (drawn_S[:, None] == rows.stop_SxN).any(-1) | (remaining_S <= 0)
        position_S = jnp.where(active_S & ~stopped_S, position_S + 1, -1)
        return (cache, drawn_S, position_S, remaining_S), (jnp.where(active_S, drawn_S, -1), logprob_S)

    start = (cache, rows.token_S, rows.position_S, rows.remaining_S)
    (cache, *_), (token_TxS, logprob_TxS) = jax.lax.scan(step, start, length=steps)
    return cache, token_TxS, logprob_TxS


@partial(jax.jit, donate_argnums=0)
def copy_row(cache: Any, source: int, target: int):
    """Copies one slot's keys and values over another's."""
    return jax.tree.map(lambda leaf: leaf.at[target].set(leaf[source]), cache)


@jax.jit
def read_row(cache: Any, index: int):
    """One slot's keys and values."""
    return jax.tree.map(lambda leaf: leaf[index], cache)


@partial(jax.jit, donate_argnums=0)
def write_row(cache: Any, row: Any, index: int):
    """Puts a slot's keys and values back."""
    return jax.tree.map(lambda leaf, values: leaf.at[index].set(values), cache, row)
