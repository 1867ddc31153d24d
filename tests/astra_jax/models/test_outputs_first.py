"""Products from the other side: the same numbers, and every row's bits its own."""

from __future__ import annotations

import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer, init_cache
from astra_jax.models.low_rank import attach
from astra_jax.models.outputs_first import FEW, outputs_first_product

CONFIG = ModelConfig("qwen2", 61, 32, 48, 2, 4, 2, 8, attention_bias=True, init_std=0.3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 13, 16, 31, 32, 40, FEW, FEW + 1])
@pytest.mark.parametrize(("outputs", "inputs"), [(40, 96), (576, 1536)])
def test_it_is_the_product_and_a_rows_bits_are_its_own(outputs, inputs, rows, dtype):
    rng = np.random.default_rng(rows)
    x, weight = rng.normal(size=(rows, inputs)), rng.normal(size=(outputs, inputs)) / inputs**0.5
    x, weight = jnp.asarray(x, dtype), jnp.asarray(weight, dtype)
    product = jax.jit(outputs_first_product)
    found = np.asarray(product(x, weight))
    exact = np.asarray(x, np.float64) @ np.asarray(weight, np.float64).T
    np.testing.assert_allclose(found.astype(np.float64), exact, atol=1e-5 if dtype == "float32" else 0.03)
    for row in range(rows):
        place = (row * 7 + 3) % rows
        alone = jnp.zeros_like(x).at[place].set(x[row])
        np.testing.assert_array_equal(np.asarray(product(alone, weight))[place], found[row])


def test_its_dtype_is_the_operands_or_the_one_asked_for():
    x, weight = jnp.ones((2, 8), jnp.bfloat16), jnp.ones((4, 8), jnp.bfloat16)
    assert outputs_first_product(x, weight).dtype == jnp.bfloat16
    assert outputs_first_product(x, weight, jnp.float32).dtype == jnp.float32


@pytest.mark.parametrize("rows", [16, FEW + 1])
def test_the_compiler_leaves_few_rows_the_second_operand(rows):
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((rows, 96), (40, 96))]
    compiled = jax.jit(outputs_first_product).lower(*shapes).compile().as_text()
    (product,) = re.findall(r"f32\[(\d+,\d+)\]\{1,0\} dot\(", compiled)
    assert product == ("40,16" if rows <= FEW else f"{rows},40")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_embeddings": False},
        {"family": "qwen3_moe", "num_experts": 4, "experts_per_token": 2, "expert_ffn_size": 16},
    ],
)
def test_a_model_so_kept_reads_and_scores_as_it_did(changes):
    check(Transformer(replace(CONFIG, **changes), rngs=nnx.Rngs(0)))


def test_so_does_one_with_adapters():
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    attach(model, 4, 8.0, ".*", seed=0)
    model.layers.ffn.up.low_rank.b.set_value(model.layers.ffn.up.low_rank.b.get_value() + 0.1)
    check(model)


def check(model: Transformer) -> None:
    tokens, positions = np.arange(12).reshape(2, 6), np.tile(np.arange(6), (2, 1))

    @nnx.jit
    def scores(model):
        hidden, cache = model.extend(tokens, positions, init_cache(model.config, 2, 16))
        return model.logits(hidden), cache

    other = model.unstacked(outputs_first=True)
    assert other.layers[0].attention.key.weight.shape == (16, 32)
    found = scores(other)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), found, scores(model))
    again = scores(other.unstacked())  # what is apart already stays as it is
    jax.tree.map(np.testing.assert_array_equal, again, found)
