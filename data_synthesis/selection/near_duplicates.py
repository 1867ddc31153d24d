"""Texts that nearly repeat an earlier one: by shared shingles, and by the cosine of their embeddings.

Both go through the texts in order and keep a text unless a kept one is at least as similar as the threshold. So the
first of a group stays, and every text that goes has a kept one beside it: similarity is not passed on along chains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, tee
from typing import Any, Literal

import numpy as np

from data_synthesis.embedding.interface import Embedder
from data_synthesis.selection.errors import SelectionError
from data_synthesis.selection.shingles import jaccard, shingles

PERMUTATIONS = 128
# The library weighs false positives against false negatives. The former cost a comparison here, the latter a duplicate.
_WEIGHTS = (0.02, 0.98)
_HIGHEST_INDEXED = 0.95  # the library refuses the single band that higher thresholds would have
_BATCH = 512  # texts embedded, and rows compared, at a time
_ROUNDING = 1e-5  # a vector's product with itself, in float32, is not exactly 1


class BadThreshold(SelectionError):
    """A similarity that is none."""


class MissingLibrary(SelectionError):
    """An optional package is not installed. The message names the extra."""


class BadVectors(SelectionError):
    """What an embedder returned is not one finite vector for each text."""


@dataclass(frozen=True)
class Twin:
    """The kept text that a text nearly repeats."""

    position: int
    similarity: float
    measure: Literal["jaccard", "cosine"]


def by_shingles(
    texts: Iterable[str], threshold: float, permutations: int = PERMUTATIONS
) -> Iterator[Twin | None]:
    """For each text its most similar kept twin by Jaccard of shingles, or null where the text is kept.

    MinHash finds candidates and the exact similarity decides, so nothing is dropped that is less similar than
    `threshold`. With a threshold of 0.8 and 128 permutations, a pair exactly at it is found with a probability of 98 %,
    one at 0.85 with 99.8 %. Memory grows with the number of texts, not with its square, and so does time unless most
    texts are candidates of each other.

    Args:
        threshold: in (0, 1].
        permutations: length of a signature.

    Raises:
        BadThreshold, MissingLibrary
    """
    _check(threshold)
    return _by_shingles(texts, threshold, permutations)


def _by_shingles(texts: Iterable[str], threshold: float, permutations: int) -> Iterator[Twin | None]:
    minhash, lsh = _datasketch()
    index = lsh(num_perm=permutations, params=_bands(threshold, permutations))
    texts, same = tee(texts)
    sets = ([piece.encode() for piece in shingles(text)] for text in same)
    kept: dict[int, str] = {}
    for position, (text, signature) in enumerate(
        zip(texts, minhash.generator(sets, num_perm=permutations), strict=True)
    ):
        twin = _most_similar(text, {other: kept[other] for other in index.query(signature)})
        if twin and twin.similarity >= threshold:
            yield twin
        else:
            index.insert(position, signature, check_duplication=False)
            kept[position] = text
            yield None


@lru_cache
def _bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Bands and rows of the index; finding them takes the library most of a second."""
    _, lsh = _datasketch()
    index = lsh(threshold=min(threshold, _HIGHEST_INDEXED), num_perm=permutations, weights=_WEIGHTS)
    return index.b, index.r


def _most_similar(text: str, candidates: Mapping[int, str]) -> Twin | None:
    pieces = shingles(text) if candidates else frozenset()
    twins = [Twin(other, jaccard(pieces, shingles(kept)), "jaccard") for other, kept in candidates.items()]
    return max(twins, key=lambda twin: (twin.similarity, -twin.position), default=None)


def by_embedding(texts: Iterable[str], embedder: Embedder, threshold: float) -> Iterator[Twin | None]:
    """For each text its most similar kept twin by cosine, or null where the text is kept.

    Exact: every text is compared with every kept one, in blocks. Memory is that of the kept vectors.

    Args:
        threshold: in (0, 1].

    Raises:
        BadThreshold
        BadVectors, EmbeddingUnavailable: while iterating.
    """
    _check(threshold)
    return _by_embedding(iter(texts), embedder, threshold)


def _by_embedding(texts: Iterator[str], embedder: Embedder, threshold: float) -> Iterator[Twin | None]:
    blocks: list[tuple[np.ndarray, np.ndarray]] = []  # kept vectors [k, d] and their positions [k]
    start = 0
    while batch := list(islice(texts, _BATCH)):
        vectors = _checked(embedder.embed(batch), batch, blocks, embedder.name)
        twins = _twins(vectors, start, blocks, threshold)
        yield from twins
        kept = [row for row, twin in enumerate(twins) if twin is None]
        blocks.append((vectors[kept], np.array(kept, dtype=np.int64) + start))
        start += len(batch)


def _twins(
    vectors: np.ndarray, start: int, blocks: Sequence[tuple[np.ndarray, np.ndarray]], threshold: float
) -> list[Twin | None]:
    best, of = np.full(len(vectors), -1.0), np.zeros(len(vectors), dtype=np.int64)
    for kept, positions in blocks:
        if len(kept):
            cosines = vectors @ kept.T
            nearest = cosines.argmax(axis=1)
            highest = cosines[np.arange(len(vectors)), nearest]
            of = np.where(highest > best, positions[nearest], of)
            best = np.maximum(best, highest)
    within = vectors @ vectors.T
    kept_here = np.zeros(len(vectors), dtype=bool)
    for row in range(len(vectors)):
        cosines = np.where(kept_here, within[row], -1.0)
        if cosines.max() > best[row]:
            best[row], of[row] = cosines.max(), start + cosines.argmax()
        kept_here[row] = best[row] < threshold - _ROUNDING
    return [
        None if kept else Twin(int(position), float(cosine), "cosine")
        for kept, position, cosine in zip(kept_here, of, best, strict=True)
    ]


def _checked(
    vectors: np.ndarray, texts: Sequence[str], blocks: Sequence[tuple[np.ndarray, np.ndarray]], name: str
) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise BadVectors(f"{name} answered {len(texts)} texts with an array of shape {vectors.shape}")
    if blocks and vectors.shape[1] != blocks[0][0].shape[1]:
        raise BadVectors(f"{name} changed the length of its vectors to {vectors.shape[1]}")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3):  # also where one is not finite
        raise BadVectors(f"{name} returned a vector that does not have length 1")
    return vectors


def _check(threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise BadThreshold(f"a similarity threshold is above 0 and at most 1, not {threshold}")


def _datasketch() -> tuple[Any, Any]:
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise MissingLibrary(
            "near duplicates are found with datasketch: pip install 'astra-jax[synthesis]'"
        ) from error
    return MinHash, MinHashLSH
