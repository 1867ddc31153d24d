import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer
from astra_jax.training.optimizer import DEFAULT_GROUPS, OptimizerConfig, learning_rate, make_optimizer
from astra_jax.training.rules import match
from astra_jax.training.settings import BadSetting
from astra_jax.training.state import split_model

TINY = ModelConfig("qwen3", 61, 16, 32, 2, 4, 2, 4, qk_norm=True, init_std=0.3)


def flat(tree):
    return {
        jax.tree_util.keystr(p, simple=True, separator="/"): v for p, v in jax.tree.leaves_with_path(tree)
    }


def test_every_parameter_has_the_group_of_its_kind(tiny_model):
    groups = flat(match(DEFAULT_GROUPS, split_model(tiny_model)[1]))
    assert groups["embedding"] == "embedding"
    assert {name for name, group in groups.items() if group == "vector"} == {
        "final_norm/scale",
        "layers/attention/key_norm/scale",
        "layers/attention/query_norm/scale",
        "layers/attention_norm/scale",
        "layers/ffn_norm/scale",
    }
    assert {name.split("/")[-2] for name, group in groups.items() if group == "matrix"} == {
        *("query", "key", "value", "output", "gate", "up", "down")
    }


def test_the_first_rule_that_matches_the_whole_path_decides():
    tree = {"a": {"norm": 0, "norms": 0}}
    assert match([(r"a/norm", 1), (r"a/.*", 2)], tree) == {"a": {"norm": 1, "norms": 2}}


def test_a_parameter_without_a_rule_is_an_error(tiny_model):
    config = OptimizerConfig(1e-3, groups=((r"layers/.*", "matrix"), (r"embedding", "embedding")))
    with pytest.raises(ValueError, match="no rule matches the parameter 'final_norm/scale'"):
        make_optimizer(config, 10, tiny_model)


@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon"])
def test_without_gradient_only_what_decays_moves(tiny, tiny_model, name):
    _, params = tiny
    config = OptimizerConfig(
        0.1, name, "constant", warmup_fraction=0, weight_decay=0.5, embedding_weight_decay=0.25
    )
    updates = updates_of(config, tiny_model, params, jax.tree.map(jnp.zeros_like, params))
    decay = {"matrix": 0.5, "embedding": 0.25, "vector": 0.0}
    groups = flat(match(DEFAULT_GROUPS, params))
    for path, update in flat(updates).items():
        expected = -0.1 * decay[groups[path]] * flat(params)[path]
        np.testing.assert_allclose(update, expected, rtol=1e-5, atol=1e-8)


def test_muon_moves_each_matrix_of_a_stack_orthogonally(tiny, tiny_model):
    _, params = tiny
    grads = jax.tree.map(lambda p: jax.random.normal(jax.random.key(1), p.shape), params)
    config = OptimizerConfig(0.1, "muon", "constant", warmup_fraction=0, clip_norm=0)
    attention = updates_of(config, tiny_model, params, grads)["layers"]["attention"]
    sides = {"query": (2, 16, 16), "key": (2, 16, 8), "output": (2, 16, 16)}
    for name, shape in sides.items():
        values = np.linalg.svd(attention[name]["weight"].reshape(shape), compute_uv=False)
        wanted = 0.1 * 0.2 * np.sqrt(16)  # rate, size of AdamW's updates, longer side
        assert (np.abs(values / wanted - 1) < 0.5).all(), name


def test_muon_takes_the_matrix_of_each_expert():
    shape = dataclasses.replace(
        TINY, family="qwen3_moe", num_experts=3, experts_per_token=1, expert_ffn_size=8
    )
    model = Transformer(shape, rngs=nnx.Rngs(0))
    params = split_model(model)[1]
    grads = jax.tree.map(lambda p: jax.random.normal(jax.random.key(1), p.shape), params)
    config = OptimizerConfig(0.1, "muon", "constant", warmup_fraction=0, clip_norm=0)
    ffn = updates_of(config, model, params, grads)["layers"]["ffn"]
    for name in ("gate", "down"):
        values = np.linalg.svd(ffn[name]["weight"], compute_uv=False)  # [layers, experts, 8]
        assert values.shape == (2, 3, 8)
        assert (np.abs(values / (0.1 * 0.2 * np.sqrt(16)) - 1) < 0.5).all(), name


def test_adafactor_learns_at_the_rate_of_adamw_from_means_of_rows_and_columns():
    shape = dataclasses.replace(TINY, hidden_size=128, ffn_size=256)
    model = Transformer(shape, rngs=nnx.Rngs(0))
    params = split_model(model)[1]
    grads = jax.tree.map(lambda p: jax.random.normal(jax.random.key(1), p.shape), params)
    sizes = {}
    for name in ("adamw", "adafactor"):
        config = OptimizerConfig(0.1, name, "constant", warmup_fraction=0, clip_norm=0)
        gate = updates_of(config, model, params, grads)["layers"]["ffn"]["gate"]["weight"]
        assert float(jnp.sqrt(jnp.square(gate).mean())) == pytest.approx(0.1, rel=0.05)
        state = jax.eval_shape(make_optimizer(config, 10, model).transform.init, params)
        arrays = [x for path, x in flat(state).items() if path.endswith("layers/ffn/gate/weight")]
        sizes[name] = sorted(x.shape for x in arrays if x.size > 1)
    assert sizes == {"adamw": [(2, 128, 256)] * 2, "adafactor": [(2, 128), (2, 256)]}


def test_gradients_are_clipped_by_their_global_norm(tiny, tiny_model):
    _, params = tiny
    grads = jax.tree.map(jnp.ones_like, params)
    config = OptimizerConfig(
        0.1, epsilon=1e3, clip_norm=0.5, warmup_fraction=0
    )  # a big epsilon: update ~ gradient
    plain = updates_of(dataclasses.replace(config, clip_norm=0), tiny_model, params, grads)
    clipped = updates_of(config, tiny_model, params, grads)
    ratio = float(optax.tree.norm(plain) / optax.tree.norm(clipped))
    assert ratio == pytest.approx(float(optax.tree.norm(grads)) / 0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("schedule", "middle", "last"), [("constant", 1, 1), ("linear", 0.55, 0.1), ("cosine", 0.55, 0.1)]
)
def test_the_rate_warms_up_from_the_first_step_and_comes_down(schedule, middle, last):
    config = OptimizerConfig(1.0, schedule=schedule, warmup_fraction=0.1, final_fraction=0.1)
    rate = learning_rate(config, 100)
    assert [float(rate(i)) for i in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert float(rate(9 + 91 / 2)) == pytest.approx(middle, abs=0.01)
    assert float(rate(100)) == pytest.approx(last)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "sgd", "name is 'sgd'; known: adamw"),
        ("schedule", "cosin", "schedule is 'cosin'; known: constant"),
        ("clip_norm", -1.0, "clip_norm is -1.0: it is at least 0"),
        ("epsilon", 0.0, "epsilon is 0.0: it is at least 1e-30"),
        ("beta2", 1.0, "beta2 is 1.0: it is from 0 to 1, and not 1 itself"),
        ("warmup_fraction", 1.5, "warmup_fraction is 1.5: it is from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_by_field(field, value, sentence):
    with pytest.raises(BadSetting, match=f"^{sentence}"):
        OptimizerConfig(**({"learning_rate": 1e-3} | {field: value}))


def updates_of(config, model, params, grads):
    optimizer = make_optimizer(config, 10, model)
    return jax.jit(lambda p, g: optimizer.update(g, optimizer.transform.init(p), p, jnp.int32(0))[0])(
        params, grads
    )
