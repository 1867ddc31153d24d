"""A mixture equals its definition, can be routed again as it was, and its losses know nothing of packing."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.experts import Experts
from astra_jax.training.loss import RouterWeights, cross_entropy
from astra_jax.training.packing import Sample, pack, single

pytestmark = pytest.mark.usefixtures("compile_quickly")
CONFIG = ModelConfig(
    "qwen3_moe", 64, 16, 1, 2, 2, 2, 8, num_experts=4, experts_per_token=2, expert_ffn_size=12, init_std=0.5
)


def one_layer(config):
    experts = Experts(replace(config, num_layers=1), nnx.Rngs(0))
    graph, stacked = nnx.split(experts)
    return nnx.merge(graph, jax.tree.map(lambda x: x[0], stacked))


@pytest.mark.parametrize("normalized", [True, False])
def test_each_token_gets_the_weighted_sum_of_its_experts(normalized):
    experts = one_layer(replace(CONFIG, normalized_experts=normalized))
    x = jax.random.normal(jax.random.key(1), (2, 9, 16))
    given, logits, chosen = experts(x, "time")
    probabilities = jax.nn.softmax(x @ experts.router.weight[...], axis=-1)
    np.testing.assert_allclose(jax.nn.softmax(logits), probabilities, rtol=1e-5)
    for b, t in np.ndindex(2, 9):
        best = np.argsort(-probabilities[b, t])[:2]
        assert set(np.asarray(chosen[b, t])) == set(best)
        weights = probabilities[b, t][best]
        weights = weights / weights.sum() if normalized else weights
        expected = 0
        for e, weight in zip(best, weights, strict=True):
            gate, up, down = (m.weight[e] for m in (experts.gate, experts.up, experts.down))
            expected += weight * ((jax.nn.silu(x[b, t] @ gate) * (x[b, t] @ up)) @ down)
        np.testing.assert_allclose(given[b, t], expected, rtol=2e-4, atol=2e-5)


def test_a_model_can_be_routed_again_as_it_was_or_otherwise():
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    tokens = np.random.default_rng(0).integers(0, 64, (1, 11))
    rest = (np.arange(11)[None], np.ones((1, 11), int))
    hidden, routing = model.forward(tokens, *rest, routed=True)
    assert routing.experts_BxTxk.shape == (2, 1, 11, 2)
    again, _ = model.forward(tokens, *rest, replayed_LxBxTxk=routing.experts_BxTxk)
    np.testing.assert_array_equal(again, hidden)
    other, _ = model.forward(tokens, *rest, replayed_LxBxTxk=(routing.experts_BxTxk + 1) % 4)
    assert np.abs(other - hidden).max() > 1e-3
    assert model.forward(tokens, *rest)[1] is None


def test_the_losses_of_the_router_are_the_same_however_samples_are_packed():
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    rng = np.random.default_rng(0)
    samples = [Sample(rng.integers(1, 61, n), (rng.random(n) < 0.7) * 1.0) for n in (5, 9, 7, 12)]
    blocks = [single(sample) for sample in samples]

    def loss(length, rows, router):
        return float(cross_entropy(model, pack(blocks, length, rows), router=router)[0])

    for router in (RouterWeights(balance=1.0), RouterWeights(z=1.0)):
        apart, together = loss(12, 4, router), loss(33, 1, router)
        assert together == pytest.approx(apart, rel=1e-5)
        assert together != pytest.approx(loss(33, 1, None), rel=1e-3)


def test_experts_that_are_used_alike_have_a_balance_of_one():
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    model.layers.ffn.router.weight.set_value(jnp.zeros_like(model.layers.ffn.router.weight[...]))
    tokens, rest = np.zeros((1, 8), int), (np.arange(8)[None], np.ones((1, 8), int))
    # The probabilities are all 1/4, so that any choice is in balance.
    routing = model.forward(tokens, *rest, routed=True)[1]
    np.testing.assert_allclose(routing.balance_BxT, 1.0, rtol=1e-6)
    np.testing.assert_allclose(routing.z_BxT, np.log(4) ** 2, rtol=1e-5)
