"""Products from the other side: the same numbers, and every row's bits its own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer, init_cache
from astra_jax.models.turned import FEW, turned_product


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 13, 16, 31, 32, FEW, FEW + 1])
def test_it_is_the_product_and_a_rows_bits_are_its_own(rows):
    rng = np.random.default_rng(rows)
    x, weight = rng.normal(size=(rows, 96)).astype(np.float32), rng.normal(size=(40, 96)).astype(np.float32)
    product = jax.jit(turned_product)
    found = product(x, weight)
    np.testing.assert_allclose(found, x @ weight.T, atol=1e-4)
    for row in range(rows):
        alone = np.zeros_like(x)
        alone[-1 - row] = x[row]
        np.testing.assert_array_equal(product(alone, weight)[-1 - row], found[row])


def test_its_dtype_is_the_operands_or_the_one_asked_for():
    x, weight = jnp.ones((2, 8), jnp.bfloat16), jnp.ones((4, 8), jnp.bfloat16)
    assert turned_product(x, weight).dtype == jnp.bfloat16
    assert turned_product(x, weight, jnp.float32).dtype == jnp.float32


def test_few_rows_are_the_second_operand_and_the_compiler_leaves_them_there():
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((16, 96), (40, 96))]
    compiled = jax.jit(turned_product).lower(*shapes).compile().as_text()
    assert "f32[40,16]" in compiled


@pytest.mark.parametrize("tied", [True, False])
def test_a_turned_model_reads_and_scores_as_the_model_does(tied):
    config = ModelConfig(
        family="qwen2",
        vocab_size=61,
        hidden_size=32,
        ffn_size=48,
        num_layers=2,
        num_heads=4,
        num_kv_heads=2,
        head_dim=8,
        attention_bias=True,
        tie_embeddings=tied,
        init_std=0.3,
    )
    model = Transformer(config, rngs=nnx.Rngs(0))
    tokens, positions = np.arange(12).reshape(2, 6), np.tile(np.arange(6), (2, 1))

    def scores(model):
        hidden, cache = model.extend(tokens, positions, init_cache(config, 2, 16))
        return model.logits(hidden), cache

    turned = model.unstacked(turned=True)
    assert turned.layers[0].ffn.up.weight.shape == (48, 32)
    found, expected = scores(turned), scores(model)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, expected)
    again = scores(turned.unstacked())  # what is apart already stays as it is
    jax.tree.map(np.testing.assert_array_equal, again, found)
