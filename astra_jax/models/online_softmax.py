"""A softmax over entries that are seen a part at a time, as in arXiv 1805.02867."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from astra_jax.models.block_sparse import MASKED

_product = partial(jnp.einsum, preferred_element_type=jnp.float32)


class OnlineSoftmax(NamedTuple):
    """What R queries have of the entries seen so far, float32; leading axes, such as rows and key heads, are apart."""

    top_xR: jax.Array  # the largest score
    total_xR: jax.Array  # of weights relative to it
    weighted_xRxH: jax.Array  # values times these weights

    @classmethod
    def of_nothing(cls, q_xRxH: jax.Array) -> OnlineSoftmax:
        zeros = jnp.zeros(q_xRxH.shape[:-1], jnp.float32)
        return cls(zeros + MASKED, zeros, jnp.zeros(q_xRxH.shape, jnp.float32))

    def see(
        self,
        q_xRxH: jax.Array,
        keys_xHxS: jax.Array,
        values_xSxH: jax.Array,
        visible: jax.Array,
        scale: float,
    ) -> OnlineSoftmax:
        """Adds S entries, of which a query sees those that are `visible`, an array that broadcasts to [..., R, S]."""
        products_xRxS = _product("...rh,...hs->...rs", q_xRxH, keys_xHxS) * scale
        products_xRxS = jnp.where(visible, products_xRxS, MASKED)
        top_xR = jnp.maximum(self.top_xR, products_xRxS.max(axis=-1))
        kept_xR, weights_xRxS = jnp.exp(self.top_xR - top_xR), jnp.exp(products_xRxS - top_xR[..., None])
        added_xRxH = _product("...rs,...sh->...rh", weights_xRxS.astype(q_xRxH.dtype), values_xSxH)
        return OnlineSoftmax(
            top_xR,
            self.total_xR * kept_xR + weights_xRxS.sum(axis=-1),
            self.weighted_xRxH * kept_xR[..., None] + added_xRxH,
        )
