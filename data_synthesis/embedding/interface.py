"""What turns texts into vectors, whoever computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class EmbeddingUnavailable(Exception):
    """No vector can be had: no weights, no server, another model than asked for. The message is one sentence."""


class Embedder(Protocol):
    """Embeds texts so that the dot product of two vectors is their cosine similarity.

    Attributes:
        name: the model. Vectors of two models have nothing to do with each other.
    """

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """One unit vector for each text, in their order: float32 [n, d]. The same text has the same vector.

        Raises:
            EmbeddingUnavailable: there are no vectors. It is never answered with made-up ones.
        """
        ...
