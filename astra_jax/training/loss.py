"""Log-probabilities of given tokens, with the entropy, without ever holding [B, T, V]; and the loss of SFT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp

from astra_jax.models.experts import Routing
from astra_jax.models.vocabulary import Scorer
from astra_jax.sharding import constrain, parts_of_rows
from astra_jax.training.batch import PackedBatch
from astra_jax.training.diagnostics import Diagnostics, Mean


class Model(Protocol):
    """What a loss needs of a model (`astra_jax.models.Transformer`)."""

    def __call__(
        self, tokens: jax.Array, positions: jax.Array, segments: jax.Array, parents: jax.Array | None, /
    ) -> jax.Array: ...

    def forward(
        self,
        tokens: jax.Array,
        positions: jax.Array,
        segments: jax.Array,
        parents: jax.Array | None,
        /,
        *,
        routed: bool,
    ) -> tuple[jax.Array, Routing | None]: ...

    def scorer(self) -> Scorer: ...


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
            logits, B * T * V floats. Where devices share a row: of each one's part.
        mask_BxT: the tokens that are asked for; both figures are 0 at all others. Where few are, chunks save time
            too: each row's tokens are brought together, and chunks without any are skipped. Agents' rows
            are mostly context.
    """
    mask = jnp.ones(targets_BxT.shape, bool) if mask_BxT is None else mask_BxT
    # By part of a row, so that each device brings together and takes apart its own tokens.
    hidden, targets, mask = (_parts(x) for x in (hidden_BxTxD, targets_BxT, mask))
    scorer = model.scorer()

    def score_asked(hidden: jax.Array, targets: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        logprobs, entropies = scorer(hidden, targets, temperature)
        return jnp.where(mask, logprobs, 0.0), jnp.where(mask, entropies, 0.0)

    if chunk == 0:
        logprobs, entropies = score_asked(hidden, targets, mask)
        return logprobs.reshape(targets_BxT.shape), entropies.reshape(targets_BxT.shape)
    order = jnp.argsort(~mask, axis=2)  # stable: asked-for tokens first
    asked = (_take(hidden, order), _take(targets, order), _take(mask, order))

    @jax.checkpoint
    def score_chunk(piece: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        nothing = (jnp.zeros(piece[1].shape), jnp.zeros(piece[1].shape))
        return jax.lax.cond(piece[2].any(), lambda: score_asked(*piece), lambda: nothing)

    size = min(chunk, targets.shape[2])
    _, scores = jax.lax.scan(
        lambda _, piece: (None, score_chunk(piece)), None, tuple(_split(x, size) for x in asked)
    )
    back = jnp.argsort(order, axis=2)
    logprobs, entropies = (_take(_join(x, targets.shape[2]), back).reshape(targets_BxT.shape) for x in scores)
    return logprobs, entropies


@dataclass(frozen=True)
class RouterWeights:
    """What the losses of a mixture's router weigh, each a mean over layers and, as the loss itself, over tokens."""

    balance: float = 0.0
    z: float = 0.0


def cross_entropy(
    model: Model,
    batch: PackedBatch,
    chunk: int = 0,
    router: RouterWeights | None = None,
    sources: Sequence[str] = (),
) -> tuple[jax.Array, Diagnostics]:
    """The loss of SFT before its division: -sum of weight times log-probability over the batch's tokens.

    Args:
        router: adds the losses of the router, of a model that has one.
        sources: names of the numbers in `batch.sources`; each has its mean loss over trained tokens, unweighted.
    """
    hidden, routing = model.forward(
        batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids, routed=router is not None
    )
    trained = batch.loss_weights != 0
    logprob, entropy = token_logprobs(model, hidden, batch.targets, chunk=chunk, mask_BxT=trained)
    loss = -jnp.sum(batch.loss_weights * logprob)
    diagnostics: Diagnostics = {"entropy": Mean.over(entropy, trained)}
    for number, name in enumerate(sources):
        diagnostics[f"loss/{name}"] = Mean.over(-logprob, trained & (batch.sources == number))
    if router and routing:
        balance, z = routing.balance_BxT.mean(axis=0), routing.z_BxT.mean(axis=0)
        loss += jnp.sum(batch.loss_weights * (router.balance * balance + router.z * z))
        diagnostics["router_balance"] = Mean.over(balance, trained)
    return loss, diagnostics


def _parts(x_BxT: jax.Array) -> jax.Array:
    """[B, T, ...] to [B, P, T/P, ...] for the P devices that share a row."""
    x = x_BxT.reshape(x_BxT.shape[0], parts_of_rows(), -1, *x_BxT.shape[2:])
    return constrain(x, "batch", "part", "step", *["hidden"] * (x.ndim - 3), name="parts of rows")


def _take(x_BxPxT: jax.Array, order_BxPxT: jax.Array) -> jax.Array:
    """[B, P, T, ...] with the tokens of each part in another order."""
    order = order_BxPxT.reshape(order_BxPxT.shape + (1,) * (x_BxPxT.ndim - 3))
    return jnp.take_along_axis(x_BxPxT, order, axis=2)


def _split(x_BxPxT: jax.Array, chunk: int) -> jax.Array:
    """[B, P, T, ...] to [T/chunk, B, P, chunk, ...], T padded up."""
    B, P, T = x_BxPxT.shape[:3]
    pad = [(0, 0), (0, 0), (0, -T % chunk)] + [(0, 0)] * (x_BxPxT.ndim - 3)
    pieces = jnp.pad(x_BxPxT, pad).reshape(B, P, -1, chunk, *x_BxPxT.shape[3:])
    return jnp.moveaxis(pieces, 2, 0)


def _join(pieces: jax.Array, T: int) -> jax.Array:
    return jnp.moveaxis(pieces, 0, 2).reshape(*pieces.shape[1:3], -1)[:, :, :T]
