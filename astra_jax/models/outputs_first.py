"""The product of rows with a matrix whose rows are its outputs, such as a vocabulary's table."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

FEW = 48  # rows up to which a CPU multiplies faster from the other side (`benchmarks/products.py`)


def outputs_first_product(rows_NxI: jax.Array, weight_OxI: jax.Array, dtype: Any = None) -> jax.Array:
    """[N, O], in `dtype`, or that of the operands.

    XLA's CPU products first copy their second operand to where they can read it well, which for few rows takes longer
    than the product. So the rows are the second operand, as columns.
    """
    if len(rows_NxI) > FEW:
        return jnp.einsum("ni,oi->no", rows_NxI, weight_OxI, preferred_element_type=dtype)
    # Without these barriers the compiler exchanges the operands again.
    column_IxN = jax.lax.optimization_barrier(rows_NxI.T)
    return jax.lax.optimization_barrier(jnp.matmul(weight_OxI, column_IxN, preferred_element_type=dtype)).T
