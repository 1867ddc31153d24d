"""Packed rows as attention sees them: who each token is, and what scores are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from astra_jax.models.config import ModelConfig


class Rows(NamedTuple):
    """Arrays [B, T] int32 of the tokens of packed rows.

    Token q sees token k if k does not come after q in the row and either both are of one segment or k's segment is
    q's parent; where a layer slides, only if q's position is less than the window past k's.
    """

    index: jax.Array  # place in the row; the tokens of an array may be a part of a row, in another order
    segments: jax.Array  # 0 is padding
    parents: jax.Array | None  # the segment before this one, seen as its prefix; 0 is none. None: nowhere
    positions: jax.Array  # in the own sequence, its prefix included


@dataclass(frozen=True)
class Scores:
    """What the products of queries and keys go through before the softmax; see `ModelConfig`."""

    scale: float
    window: int = 0  # of sliding layers

    @classmethod
    def of(cls, config: ModelConfig) -> Scores:
        return cls(config.score_scale, config.sliding_window)

    def reach(self, sliding: bool | jax.Array) -> jax.Array:
        """How many positions back a token sees."""
        everything = jnp.iinfo(jnp.int32).max
        return jnp.where(sliding, self.window or everything, everything)
