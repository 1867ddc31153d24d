"""The TPU's kernel of grouped products equals XLA's, and what lies past the groups reaches nothing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.grouped import grouped_product


def loss(kernel, real_r, sizes_E, rows_rxD, matrices_ExDxF):
    rows_rxD = jnp.where(real_r[:, None], rows_rxD, 0)
    out_rxF = grouped_product(rows_rxD, matrices_ExDxF, sizes_E, kernel=kernel)
    return jnp.square(jnp.where(real_r[:, None], out_rxF, 0)).sum()


@pytest.mark.parametrize("sizes", [(40, 0, 100, 7), (0, 0, 0, 0), (60, 60, 60, 20)])
def test_the_kernel_gives_the_products_and_gradients_of_xla(sizes):
    sizes_E = jnp.array(sizes, jnp.int32)
    rows_rxD = jax.random.normal(jax.random.key(0), (200, 256))
    matrices_ExDxF = jax.random.normal(jax.random.key(1), (4, 256, 128))
    real_r = jnp.arange(200) < sizes_E.sum()
    both = [
        jax.value_and_grad(partial(loss, kernel, real_r, sizes_E), (0, 1))(rows_rxD, matrices_ExDxF)
        for kernel in ("interpret", "xla")
    ]
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-3), *both)
