"""Log-probabilities of given tokens, with the entropy, without ever holding [B, T, V]; and the loss of SFT."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp

from astra_jax.training.batch import PackedBatch
from astra_jax.training.diagnostics import Diagnostics, Mean


class Model(Protocol):
    """What a loss needs of a model (`astra_jax.models.Transformer`)."""

    def __call__(
        self, tokens: jax.Array, positions: jax.Array, segments: jax.Array, parents: jax.Array, /
    ) -> jax.Array: ...

    def logits(self, hidden: jax.Array, /) -> jax.Array: ...


def token_logprobs(
    model: Model,
    hidden_BxTxD: jax.Array,
    targets_BxT: jax.Array,
    temperature: float = 1.0,
    chunk: int = 0,
    mask_BxT: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each target and entropy of each distribution, in nats, float32 [B, T].

    The distribution is softmax(logits / temperature): what a sampler at that temperature draws from.

    Args:
        chunk: tokens of a row whose logits exist at one time; the backward pass computes them again. 0 keeps all
            logits, B * T * V floats.
        mask_BxT: the tokens that are asked for; both figures are 0 at all others. Where few are, chunks save time
            too: each row's tokens are brought together, and chunks without any are skipped. Agents' rows
            are mostly context.
    """
    B, T = targets_BxT.shape
    mask = jnp.ones((B, T), bool) if mask_BxT is None else mask_BxT
    if chunk == 0:
        return _score(model, temperature, hidden_BxTxD, targets_BxT, mask)
    order = jnp.argsort(~mask, axis=1)  # stable: asked-for tokens first
    asked = (_take(hidden_BxTxD, order), _take(targets_BxT, order), _take(mask, order))

    @jax.checkpoint
    def score_chunk(piece: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        nothing = (jnp.zeros(piece[1].shape), jnp.zeros(piece[1].shape))
        return jax.lax.cond(piece[2].any(), lambda: _score(model, temperature, *piece), lambda: nothing)

    _, scores = jax.lax.scan(
        lambda _, piece: (None, score_chunk(piece)), None, tuple(_split(x, min(chunk, T)) for x in asked)
    )
    back = jnp.argsort(order, axis=1)
    logprobs, entropies = (_take(_join(x, T), back) for x in scores)
    return logprobs, entropies


def cross_entropy(model: Model, batch: PackedBatch, chunk: int = 0) -> tuple[jax.Array, Diagnostics]:
    """The loss of SFT before its division: -sum of weight times log-probability over the batch's tokens."""
    hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
    trained = batch.loss_weights != 0
    logprob, entropy = token_logprobs(model, hidden, batch.targets, chunk=chunk, mask_BxT=trained)
    return -jnp.sum(batch.loss_weights * logprob), {"entropy": Mean.over(entropy, trained)}


def _score(
    model: Model, temperature: float, hidden: jax.Array, targets: jax.Array, mask: jax.Array
) -> tuple[jax.Array, jax.Array]:
    logits = model.logits(hidden).astype(jnp.float32) / temperature
    log_z = jax.nn.logsumexp(logits, axis=-1)
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    logprobs = logits - log_z[..., None]
    entropy = -jnp.sum(jnp.exp(logprobs) * logprobs, axis=-1)
    return jnp.where(mask, chosen - log_z, 0.0), jnp.where(mask, entropy, 0.0)


def _take(x_BxT: jax.Array, order_BxT: jax.Array) -> jax.Array:
    """[B, T, ...] with the tokens of each row in another order."""
    return jnp.take_along_axis(x_BxT, order_BxT.reshape(order_BxT.shape + (1,) * (x_BxT.ndim - 2)), axis=1)


def _split(x_BxT: jax.Array, chunk: int) -> jax.Array:
    """[B, T, ...] to [T/chunk, B, chunk, ...], T padded up."""
    B, T = x_BxT.shape[:2]
    pad = [(0, 0), (0, -T % chunk)] + [(0, 0)] * (x_BxT.ndim - 2)
    return jnp.pad(x_BxT, pad).reshape(B, -1, chunk, *x_BxT.shape[2:]).swapaxes(0, 1)


def _join(pieces: jax.Array, T: int) -> jax.Array:
    return pieces.swapaxes(0, 1).reshape(pieces.shape[1], -1)[:, :T]
