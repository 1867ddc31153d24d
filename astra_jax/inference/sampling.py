"""Drawing one token for each row, by a seed of the row's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array | np.ndarray

EVERY_BIT = np.uint32(0xFFFFFFFF)
_NEVER = -1e30
# Neighbouring tokens whose weights are summed first: the search for a draw then looks at few sums.
_LANE = 128


class Choice(NamedTuple):
    """How each of B rows is drawn."""

    temperature_B: Array  # 0 is greedy
    top_k_B: Array  # int32: only the k most likely tokens; 0: all
    top_p_B: Array  # only the most likely tokens that together have this probability; 1: all
    allowed_BxW: Array  # uint32: a bit for each token that a grammar allows, the lowest first
    seed_B: Array  # uint32


def sample(logits_BxV: jax.Array, choice: Choice, position_B: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Samples a token a row, and its log-probability.

    The random number of a token depends on its request's seed and its position alone, so that neither batch
    neighbours nor an eviction change what is drawn. Of equally likely tokens at the edge of `top_k` or `top_p` all
    are kept. A row that restricts nothing is the same bits beside one that does.

    Args:
        logits_BxV: fp32 logits.
        position_B: int32, the index of the sampled token in its sequence.

    Returns:
        tokens (int32 [B]) and log-probs (fp32 [B]), of the distribution of logits / temperature (of the raw logits
        when greedy) before anything is cut from it.
    """
    greedy_B = choice.temperature_B == 0
    scaled_BxV, weights_BxV, top_B, log_total_B = _scaled(logits_BxV, choice)
    kept_BxV = jax.lax.cond(_restricts(choice), _kept, _all, weights_BxV, scaled_BxV, choice)
    token_B = jnp.where(greedy_B, _likeliest(kept_BxV), _draw(kept_BxV, choice.seed_B, position_B))
    chosen_B = jnp.take_along_axis(scaled_BxV, token_B[:, None], axis=-1)[:, 0]
    return token_B, chosen_B - top_B - log_total_B


def top_logprobs(logits_BxV: jax.Array, choice: Choice, count: int) -> tuple[jax.Array, jax.Array]:
    """The likeliest tokens of each row, whatever may be drawn; of equally likely ones the first comes first.

    Args:
        logits_BxV: fp32 logits.
        count: K, how many; all of a vocabulary that has fewer.

    Returns:
        tokens (int32 [B, K]) and their log-probs (fp32 [B, K]), of the distribution whose log-probs `sample` gives.
    """
    scaled_BxV, _, top_B, log_total_B = _scaled(logits_BxV, choice)
    value_BxK, token_BxK = jax.lax.top_k(scaled_BxV, min(count, scaled_BxV.shape[1]))
    return token_BxK, value_BxK - top_B[:, None] - log_total_B[:, None]


def words_of(vocab_size: int) -> int:
    """The width of `Choice.allowed_BxW`."""
    return -(-vocab_size // 32)


def _scaled(logits_BxV: jax.Array, choice: Choice) -> tuple[jax.Array, ...]:
    """Logits / temperature, weights of which the largest is 1; the largest of the first, the log of the others' sum."""
    temperature_B = jnp.where(choice.temperature_B == 0, 1.0, choice.temperature_B)
    scaled_BxV = logits_BxV / temperature_B[:, None]
    top_B = scaled_BxV.max(axis=-1)
    weights_BxV = jnp.exp(scaled_BxV - top_B[:, None])
    return scaled_BxV, weights_BxV, top_B, jnp.log(weights_BxV.sum(axis=-1))


def _restricts(choice: Choice) -> jax.Array:
    return jnp.any(_cuts(choice)) | jnp.any(_by_grammar(choice))


def _cuts(choice: Choice) -> jax.Array:
    return jnp.asarray(choice.top_k_B > 0) | (choice.top_p_B < 1)


def _by_grammar(choice: Choice) -> jax.Array:
    return jnp.any(choice.allowed_BxW != EVERY_BIT, axis=-1)


def _all(weights_BxV: jax.Array, scaled_BxV: jax.Array, choice: Choice) -> jax.Array:
    return weights_BxV


def _kept(weights_BxV: jax.Array, scaled_BxV: jax.Array, choice: Choice) -> jax.Array:
    """The weights, 0 for tokens that may not be drawn. `top_p` is of what the grammar and `top_k` leave."""
    V = weights_BxV.shape[1]
    bits_BxWx32 = (choice.allowed_BxW[..., None] >> jnp.arange(32, dtype=jnp.uint32)) & 1
    allowed_BxV = bits_BxWx32.reshape(len(weights_BxV), -1)[:, :V] == 1
    # What a grammar allows may be so unlikely that its weights were rounded to 0: they are of its likeliest token.
    allowed_top_B = jnp.where(allowed_BxV, scaled_BxV, _NEVER).max(-1)
    among_BxV = jnp.where(allowed_BxV, jnp.exp(scaled_BxV - allowed_top_B[:, None]), 0.0)
    weights_BxV = jnp.where(_by_grammar(choice)[:, None], among_BxV, weights_BxV)
    count_B = jnp.where(choice.top_k_B > 0, choice.top_k_B, V)
    weights_BxV = _above(weights_BxV, lambda kept_BxV: kept_BxV.sum(-1, dtype=jnp.int32) >= count_B)
    need_B = jnp.where(choice.top_p_B < 1, choice.top_p_B * weights_BxV.sum(-1), jnp.inf)
    return _above(weights_BxV, lambda kept_BxV: jnp.where(kept_BxV, weights_BxV, 0).sum(-1) >= need_B)


def _above(weights_BxV: jax.Array, enough: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """The weights from the largest threshold on that leaves `enough`, found bit by bit: floats that are not negative
    are in the order of their bits. All of them where no threshold does.
    """
    bits_BxV = jax.lax.bitcast_convert_type(weights_BxV, jnp.uint32)

    def narrow(i: jax.Array, threshold_B: jax.Array) -> jax.Array:
        higher_B = threshold_B | (jnp.uint32(1) << (30 - i).astype(jnp.uint32))
        return jnp.where(enough(bits_BxV >= higher_B[:, None]), higher_B, threshold_B)

    threshold_B = jax.lax.fori_loop(0, 31, narrow, jnp.zeros(weights_BxV.shape[0], jnp.uint32))
    return jnp.where(bits_BxV >= threshold_B[:, None], weights_BxV, 0.0)


def _likeliest(weights_BxV: jax.Array) -> jax.Array:
    """The first of the largest, found without carrying indices along (XLA's own is slow on a CPU)."""
    V = weights_BxV.shape[1]
    best_BxV = weights_BxV == weights_BxV.max(-1, keepdims=True)
    return jnp.where(best_BxV, jnp.arange(V, dtype=jnp.int32), V).min(-1)


def _draw(weights_BxV: jax.Array, seed_B: Array, position_B: jax.Array) -> jax.Array:
    """A token with a chance in proportion to its weight, by one number: where it falls among the sums of weights."""
    V = weights_BxV.shape[1]
    lanes_BxNxL = jnp.pad(weights_BxV, ((0, 0), (0, -V % _LANE))).reshape(len(weights_BxV), -1, _LANE)
    sums_BxN = jnp.cumsum(lanes_BxNxL.sum(-1), axis=1)

    def uniform(seed: Array, position: jax.Array) -> jax.Array:
        return jax.random.uniform(jax.random.fold_in(jax.random.key(jnp.asarray(seed)), position))

    target_B = jax.vmap(uniform)(seed_B, position_B) * sums_BxN[:, -1]
    lane_B = _first_above(sums_BxN, target_B)
    before_B = jnp.where(lane_B > 0, jnp.take_along_axis(sums_BxN, lane_B[:, None] - 1, axis=1)[:, 0], 0.0)
    lane_BxL = jnp.take_along_axis(lanes_BxNxL, lane_B[:, None, None], axis=1)[:, 0]
    return lane_B * _LANE + _first_above(jnp.cumsum(lane_BxL, axis=1), target_B - before_B)


def _first_above(sums_BxN: jax.Array, target_B: jax.Array) -> jax.Array:
    """The first sum above the target; where rounding leaves none, the first of the largest."""
    target_B = jnp.minimum(target_B, jnp.nextafter(sums_BxN[:, -1], jnp.float32(0)))
    return (sums_BxN <= target_B[:, None]).sum(-1, dtype=jnp.int32)
