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
from astra_jax.inference.sampling import EVERY_BIT, Choice, sample, top_logprobs, words_of
from astra_jax.models.cache import CACHE_AXES
from astra_jax.sharding import constrain

MOST_TOP_K = 2**31 - 1  # what is asked for beyond that is more than any vocabulary has, too


@jax.tree_util.register_dataclass
@dataclass
class DecodeRows:
    """The state of every slot at the start of a dispatch of T steps, one entry a slot (S slots)."""

    token_S: np.ndarray  # the last token, not yet in the cache
    position_S: np.ndarray  # its position; -1 for an idle slot
    remaining_S: np.ndarray  # tokens it may still sample
    stop_SxN: np.ndarray  # padded with -1
    known_SxT: np.ndarray  # tokens that were drawn before and are only read again; -1 where one is drawn
    choice: Choice

    @classmethod
    def idle(cls, slots: int, stop_ids: int, vocab_size: int, steps: int) -> DecodeRows:
        return cls(
            token_S=np.zeros(slots, np.int32),
            position_S=np.full(slots, -1, np.int32),
            remaining_S=np.zeros(slots, np.int32),
            stop_SxN=np.full((slots, stop_ids), -1, np.int32),
            known_SxT=np.full((slots, steps), -1, np.int32),
            choice=Choice(
                temperature_B=np.ones(slots, np.float32),
                top_k_B=np.zeros(slots, np.int32),
                top_p_B=np.ones(slots, np.float32),
                allowed_BxW=np.full((slots, words_of(vocab_size)), EVERY_BIT),
                seed_B=np.zeros(slots, np.uint32),
            ),
        )

    def set(self, slot: int, token: int, position: int, remaining: int, sampling: Sampling) -> None:
        """The slot continues after `token`, which stands at `position`."""
        self.token_S[slot], self.position_S[slot] = token, position
        self.remaining_S[slot] = remaining
        self.stop_SxN[slot, : len(sampling.stop_ids)] = sampling.stop_ids
        self.choice.temperature_B[slot] = sampling.temperature
        self.choice.top_k_B[slot] = min(sampling.top_k, MOST_TOP_K)
        self.choice.top_p_B[slot] = sampling.top_p
        self.choice.seed_B[slot] = sampling.seed & 0xFFFFFFFF

    def replay(self, slot: int, ids: np.ndarray, position: int) -> None:
        """The slot reads tokens from `position` on again, all but the last of `ids`, as when they were drawn."""
        known = ids[position + 1 :][: self.known_SxT.shape[1]]
        self.token_S[slot], self.position_S[slot] = ids[position], position
        self.remaining_S[slot] = len(known)
        self.known_SxT[slot, : len(known)] = known


@partial(jax.jit, static_argnums=0, donate_argnums=2)
def prefill_chunk(graph: Any, weights: Any, cache: Any, row_P, token_PxC, position_PxC):
    """Writes the keys and values of C tokens of P rows of the cache. Rows out of range are ignored."""
    model = nnx.merge(graph, weights)
    return _kept_apart(model.extend(token_PxC, position_PxC, cache, jnp.asarray(row_P))[1])


@partial(jax.jit, static_argnums=(0, 4), donate_argnums=2)
def decode_steps(graph: Any, weights: Any, cache: Any, rows: DecodeRows, top: int = 0):
    """Samples up to T tokens for every active slot.

    Args:
        top: how many of the likeliest tokens are told at each place. Each number is a program of its own, which draws
            the same tokens.

    Returns:
        the cache, tokens (int32 [T, S], -1 where a slot was not active), their log-probs, and with `top` tokens and
        log-probs of the likeliest, each [T, S, `top`]; without, None.
    """
    model = nnx.merge(graph, weights).unstacked()  # its weights are sliced once, not at every step
    choice = jax.tree.map(jnp.asarray, rows.choice)

    def step(carry, known_S):
        cache, token_S, position_S, remaining_S = carry
        hidden_Sx1xD, cache = model.extend(token_S[:, None], position_S[:, None], cache)
        cache = _kept_apart(cache)
        logits_SxV = model.logits(hidden_Sx1xD)[:, 0].astype(jnp.float32)
        drawn_S, logprob_S = sample(logits_SxV, choice, position_S + 1)
        likeliest = top_logprobs(logits_SxV, choice, top) if top else None
        drawn_S = jnp.where(known_S < 0, drawn_S, known_S)
        active_S = position_S >= 0
        remaining_S = remaining_S - 1
        at_stop_S = (drawn_S[:, None] == rows.stop_SxN).any(-1)
        position_S = jnp.where(active_S & ~at_stop_S & (remaining_S > 0), position_S + 1, -1)
        told = jnp.where(active_S, drawn_S, -1), logprob_S, likeliest
        return (cache, drawn_S, position_S, remaining_S), told

    start = (cache, rows.token_S, rows.position_S, rows.remaining_S)
    (cache, *_), told = jax.lax.scan(step, start, rows.known_SxT.T)
    return cache, *told


@partial(jax.jit, donate_argnums=0)
def copy_row(cache: Any, source: int, target: int):
    """Copies one slot's keys and values over another's."""
    return _kept_apart(jax.tree.map(lambda leaf: leaf.at[target].set(leaf[source]), cache))


@jax.jit
def read_row(cache: Any, index: int):
    """One slot's keys and values. A program for each number of blocks."""
    return jax.tree.map(lambda leaf: leaf[index], cache)


@partial(jax.jit, donate_argnums=0)
def write_row(cache: Any, row: Any, index: int):
    """Puts a slot's keys and values back. A program for each number of blocks."""
    return _kept_apart(cache.write_row(row, index))


def _kept_apart(cache: Any) -> Any:
    """Over a mesh, a cache stays split as it was."""
    return jax.tree.map(lambda leaf: constrain(leaf, *CACHE_AXES, name="cache"), cache)


@partial(jax.jit, static_argnums=(0, 2))
def layers_apart(graph: Any, weights: Any, outputs_first: bool) -> Any:
    """The weights of `Transformer.unstacked`."""
    return nnx.to_pure_dict(nnx.state(nnx.merge(graph, weights).unstacked(outputs_first), nnx.Param))
