"""Log-probabilities of given tokens, with the entropy, without ever holding [B, T, V]; and the loss of SFT."""

from __future__ import annotations

from functools import partial
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
) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each target and entropy of each distribution, in nats, float32 [B, T].

    The distribution is softmax(logits / temperature): what a sampler at that temperature draws from.

    Args:
        chunk: tokens of a row whose logits exist at one time; the backward pass computes them again. 0 keeps all
            logits: faster where B * T * V floats fit.
    """
    score = partial(_score, model, temperature)
    T = targets_BxT.shape[1]
    if chunk == 0 or chunk >= T:
        return score(hidden_BxTxD, targets_BxT)

    def step(_: None, piece: tuple[jax.Array, jax.Array]) -> tuple[None, tuple[jax.Array, jax.Array]]:
        return None, jax.checkpoint(score)(*piece)

    pieces = (_split(hidden_BxTxD, chunk), _split(targets_BxT, chunk))
    _, (logprobs, entropies) = jax.lax.scan(step, None, pieces)
    return _join(logprobs, T), _join(entropies, T)


def cross_entropy(model: Model, batch: PackedBatch, chunk: int = 0) -> tuple[jax.Array, Diagnostics]:
    """The loss of SFT before its division: -sum of weight times log-probability over the batch's tokens."""
    hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
    logprob, entropy = token_logprobs(model, hidden, batch.targets, chunk=chunk)
    return -jnp.sum(batch.loss_weights * logprob), {"entropy": Mean.over(entropy, batch.loss_weights > 0)}


def _score(
    model: Model, temperature: float, hidden: jax.Array, targets: jax.Array
) -> tuple[jax.Array, jax.Array]:
    logits = model.logits(hidden).astype(jnp.float32) / temperature
    log_z = jax.nn.logsumexp(logits, axis=-1)
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    logprobs = logits - log_z[..., None]
    return chosen - log_z, -jnp.sum(jnp.exp(logprobs) * logprobs, axis=-1)


def _split(x_BxT: jax.Array, chunk: int) -> jax.Array:
    """[B, T, ...] to [T/chunk, B, chunk, ...], T padded up."""
    B, T = x_BxT.shape[:2]
    pad = [(0, 0), (0, -T % chunk)] + [(0, 0)] * (x_BxT.ndim - 2)
    return jnp.pad(x_BxT, pad).reshape(B, -1, chunk, *x_BxT.shape[2:]).swapaxes(0, 1)


def _join(pieces: jax.Array, T: int) -> jax.Array:
    return pieces.swapaxes(0, 1).reshape(pieces.shape[1], -1)[:, :T]
