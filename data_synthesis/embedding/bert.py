"""A BERT encoder's forward pass in NumPy (Devlin et al. 2018), for one text at a time.

Without a batch there is no padding, and a text's vector cannot depend on what it is embedded with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_EPSILON = 1e-12  # of layer normalisation, as in the checkpoint


class _Layer(NamedTuple):
    """Weights as matrices to multiply by from the right: [in, out]."""

    qkv: tuple[np.ndarray, np.ndarray]
    mixed: tuple[np.ndarray, np.ndarray]
    mixed_norm: tuple[np.ndarray, np.ndarray]
    wide: tuple[np.ndarray, np.ndarray]
    narrow: tuple[np.ndarray, np.ndarray]
    narrow_norm: tuple[np.ndarray, np.ndarray]


class Bert:
    """The encoder of a Hugging Face `BertModel` with `gelu`, absolute positions and no padding.

    Args:
        tensors: by their names in the checkpoint, float32.
        heads: of attention.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], heads: int):
        self._words = tensors["embeddings.word_embeddings.weight"]
        # A text is one segment: its type's embedding is the same everywhere.
        self._places = (
            tensors["embeddings.position_embeddings.weight"]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(tensors, "embeddings.LayerNorm")
        self._heads = heads
        count = sum(name.endswith("attention.self.query.weight") for name in tensors)
        self._layers = [_layer(tensors, f"encoder.layer.{number}.") for number in range(count)]

    @property
    def positions(self) -> int:
        """The most tokens that it can read."""
        return len(self._places)

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """The last hidden states [n, d] of the tokens `ids` [n], special ones included."""
        x = _layer_norm(self._words[ids] + self._places[: len(ids)], self._norm)
        for layer in self._layers:
            x = _layer_norm(x + self._attention(x, layer), layer.mixed_norm)
            x = _layer_norm(x + _affine(_gelu(_affine(x, layer.wide)), layer.narrow), layer.narrow_norm)
        return x

    def _attention(self, x: np.ndarray, layer: _Layer) -> np.ndarray:
        length, width = x.shape
        q, k, v = (
            _affine(x, layer.qkv).reshape(length, 3, self._heads, -1).transpose(1, 2, 0, 3)
        )  # [heads, n, d/heads]
        scores = q @ k.swapaxes(1, 2) / np.sqrt(np.float32(q.shape[-1]))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return _affine((weights @ v).swapaxes(0, 1).reshape(length, width), layer.mixed)


def _layer(tensors: Mapping[str, np.ndarray], prefix: str) -> _Layer:
    attention = [_dense(tensors, f"{prefix}attention.self.{name}") for name in ("query", "key", "value")]
    weights, biases = zip(*attention, strict=True)
    return _Layer(
        qkv=(np.concatenate(weights, axis=1), np.concatenate(biases)),
        mixed=_dense(tensors, f"{prefix}attention.output.dense"),
        mixed_norm=_norm(tensors, f"{prefix}attention.output.LayerNorm"),
        wide=_dense(tensors, f"{prefix}intermediate.dense"),
        narrow=_dense(tensors, f"{prefix}output.dense"),
        narrow_norm=_norm(tensors, f"{prefix}output.LayerNorm"),
    )


def _dense(tensors: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"]


def _norm(tensors: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _affine(x: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return x @ weights[0] + weights[1]


def _layer_norm(x: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + _EPSILON) * weights[0] + weights[1]


def _gelu(x: np.ndarray) -> np.ndarray:
    """x Phi(x) as relu(x) - |x| Phi(-|x|), with erfc by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911 / 2**0.5) * size)
    tail = np.zeros_like(x)
    for coefficient in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += coefficient
        tail *= t
    tail *= np.exp(-0.5 * x * x)
    tail *= 0.5 * size
    return np.maximum(x, 0) - tail
