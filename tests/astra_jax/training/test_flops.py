import dataclasses

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer, abstract_model
from astra_jax.planning.shapes import names, preset
from astra_jax.training.flops import (
    all_parameters,
    causal_flops,
    extend_flops,
    product_parameters,
    train_flops,
)

SMALL = ModelConfig("qwen3", 64, 16, 32, 2, 4, 2, 4, qk_norm=True, tie_embeddings=False)
# Of one layer: queries, keys, values, output, gate, up, down.
LAYER = 16 * 16 + 2 * (16 * 8) + 16 * 16 + 3 * 16 * 32


def test_a_hand_count():
    model = abstract_model(SMALL)
    assert product_parameters(model) == 2 * LAYER + 64 * 16
    pairs, multiply_adds = 8 * 8 / 2, 2 * 4 * 4
    assert causal_flops(SMALL, 8) == 2 * 2 * multiply_adds * pairs
    assert train_flops(model, rows=3, length=8) == 3 * (
        2 * (2 * LAYER + 64 * 16) * 24 + 3 * causal_flops(SMALL, 8)
    )


def test_a_token_visits_few_experts_and_the_whole_router():
    mixture = dataclasses.replace(
        SMALL, family="qwen3_moe", num_experts=8, experts_per_token=2, expert_ffn_size=12
    )
    experts, router = 2 * 3 * 16 * 12, 16 * 8
    layer = LAYER - 3 * 16 * 32 + experts + router
    assert product_parameters(abstract_model(mixture)) == 2 * layer + 64 * 16


def test_a_sliding_layer_attends_to_its_window():
    slides = dataclasses.replace(SMALL, sliding_window=2, sliding_layers=(True, False))
    window, whole = 2 * 8 - 2 * 2 / 2, 8 * 8 / 2
    assert causal_flops(slides, 8) == 2 * (2 * 4 * 4) * (window + whole)


def test_xla_counts_the_same_products_where_nothing_is_in_a_loop():
    shape = dataclasses.replace(SMALL, hidden_size=64, ffn_size=256, vocab_size=512)
    model = Transformer(shape, rngs=nnx.Rngs(0))
    rows, length = 2, 16
    tokens = jnp.zeros((rows, length), jnp.int32)

    def logits(model, tokens):
        positions = jnp.broadcast_to(jnp.arange(length), tokens.shape)
        return model.logits(model(tokens, positions, jnp.ones_like(tokens)))

    graph, state = nnx.split(model)
    counted = jax.jit(lambda s, t: logits(nnx.merge(graph, s), t)).lower(state, tokens).compile()
    products = 2 * product_parameters(model) * rows * length
    assert counted.cost_analysis()["flops"] == pytest.approx(products, rel=0.1)


def test_decoding_reads_its_context():
    model = abstract_model(SMALL)
    weights = 2 * (2 * LAYER + 64 * 16)
    assert extend_flops(model, 1, 1, 10, logits=True) == weights + 2 * 2 * (2 * 4 * 4) * 10


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("qwen3_0_6b", 0.596),
        ("qwen3_4b", 4.022),
        ("qwen3_8b", 8.191),
        ("qwen3_14b", 14.768),
        ("qwen3_32b", 32.762),
        ("qwen3_30b_a3b", 30.532),
    ],
)
def test_shapes_have_the_parameters_of_the_models(name, billions):
    assert all_parameters(abstract_model(preset(name))) / 1e9 == pytest.approx(billions, abs=1e-3)


def test_every_shape_is_one_of_those():
    assert len(names()) == 6
