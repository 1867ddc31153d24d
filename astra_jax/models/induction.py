"""Initial weights with which a small model can copy from its context before it has learned anything.

A model trained from nothing spends most of its first million tokens on finding one circuit, the induction head
(arXiv 2209.11895): "what followed this token the last time?". Tool calls are mostly that: names from the tool list,
values from the question or from an earlier result. These weights hold no data; they are random projections,
arranged so that the circuit exists from the start, in the spirit of mimetic initialisation (arXiv 2305.09828).
`python -m benchmarks.induction` measures what it is worth.
"""

from __future__ import annotations

import numpy as np
from flax import nnx

from astra_jax.models.transformer import Transformer

# Found on the nano model of the quickstart; all are of order one, and none is critical.
_POSITION_SHARPNESS = 2.0  # query-norm scale of layer 0: how sharply the previous position is picked
_MATCH_SHARPNESS = 2.0  # query- and key-norm scale of layer 1: how sharply equal tokens are picked
_PREVIOUS_GAIN = 1.5  # size of the previous token in the residual stream, relative to the token itself
_COPY_GAIN = 3.0  # size of the copied token, relative to the token itself
_FAST_PAIRS = 4  # rotary pairs that tell neighbouring positions apart
_SLOW_SHARE = 0.375  # rotary pairs from this share on turn too slowly to disturb a match


def start_with_induction(model: Transformer, seed: int) -> None:
    """Overwrites the first head of layers 0 and 1, and the mean of the embeddings, in place.

    Layer 0 attends to the previous position and writes that token into the residual stream. Layer 1 matches the
    current token against those, and writes the token that followed. A direction common to all embeddings gives
    layer 0 its constant query and key; with tied embeddings it adds the same to every logit.

    Raises:
        ValueError: the model has fewer than two layers, or no query and key norms.
    """
    config = model.config
    attention = model.layers.attention
    if config.num_layers < 2 or not (attention.query_norm and attention.key_norm):
        raise ValueError("induction needs at least two layers, and query and key norms (family qwen3)")
    rng = np.random.default_rng(seed)
    D, H = config.hidden_size, config.head_dim
    constant_D = _common_direction(model, rng)
    read_DxH = _without(constant_D, _orthonormal(rng, D, H))
    write_HxD = _orthonormal(rng, D, H).T
    std = config.init_std

    half = H // 2
    key_H = np.zeros(H)
    key_H[:_FAST_PAIRS] = 1.0
    _set(attention.key.weight, (0, slice(None), 0), np.outer(constant_D, key_H))
    _set(
        attention.query.weight,
        (0, slice(None), 0),
        np.outer(constant_D, _turn_back(key_H, config.rope_theta)),
    )
    _set(attention.query_norm.scale, 0, _POSITION_SHARPNESS)
    _set(attention.value.weight, (0, slice(None), 0), read_DxH)
    _set(attention.output.weight, (0, 0), write_HxD * _PREVIOUS_GAIN * std * np.sqrt(D / H))

    slow = np.arange(int(half * _SLOW_SHARE), half)
    slow = np.concatenate([slow, slow + half])
    match_HxH = np.zeros((H, H))
    match_HxH[:, slow] = _orthonormal(rng, H, len(slow))
    _set(attention.query.weight, (1, slice(None), 0), read_DxH @ match_HxH)
    _set(attention.key.weight, (1, slice(None), 0), write_HxD.T @ match_HxH)
    _set(attention.query_norm.scale, 1, _MATCH_SHARPNESS)
    _set(attention.key_norm.scale, 1, _MATCH_SHARPNESS)
    copy_DxH = _without(constant_D, _orthonormal(rng, D, H))
    _set(attention.value.weight, (1, slice(None), 0), copy_DxH)
    _set(attention.output.weight, (1, 0), copy_DxH.T * _COPY_GAIN * std * D / H)


def _common_direction(model: Transformer, rng: np.random.Generator) -> np.ndarray:
    """A unit vector [D] along which all embeddings are made equal, as long as an embedding's other part."""
    embedding_VxD = np.asarray(model.embedding[...])
    direction_D = rng.normal(size=embedding_VxD.shape[1])
    direction_D /= np.linalg.norm(direction_D)
    length = model.config.init_std * np.sqrt(len(direction_D))
    flat_VxD = embedding_VxD - np.outer(embedding_VxD @ direction_D, direction_D)
    _set(model.embedding, slice(None), flat_VxD + length * direction_D)
    return direction_D


def _turn_back(key_H: np.ndarray, theta: float) -> np.ndarray:
    """The query that, at any position, is most like `key_H` one position before (RoPE, halves rotated)."""
    first, second = np.split(key_H, 2)
    angles = -(theta ** -(np.arange(len(first)) / len(first)))
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin])


def _orthonormal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(rows, columns)))[0]


def _without(direction_D: np.ndarray, matrix_DxH: np.ndarray) -> np.ndarray:
    return matrix_DxH - np.outer(direction_D, direction_D @ matrix_DxH)


def _set(parameter: nnx.Param, index: object, value: object) -> None:
    parameter[...] = parameter[...].at[index].set(value)
