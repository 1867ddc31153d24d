"""The rules table, what it refuses, and one loss on any mesh."""

from __future__ import annotations

import json
from textwrap import dedent

import jax
import pytest
from flax import nnx
from jax.sharding import AbstractMesh, PartitionSpec

from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.parameter import named_parameters
from astra_jax.sharding import RULES, ShardingError, make_mesh, partition_spec, shard_model
from tests.astra_jax.simulated import run_script

MESH = AbstractMesh((2, 4, 1, 1, 2), ("data", "fsdp", "expert", "context", "tensor"))


def test_each_dimension_is_split_as_the_rules_say():
    spec = partition_spec(MESH, ("layers", "embed", "kv_heads", "head_dim"), (3, 64, 2, 5), name="key")
    assert spec == PartitionSpec(None, ("fsdp",), ("tensor",), None)
    assert partition_spec(MESH, ("batch", "time"), (8, 7), name="tokens") == PartitionSpec(
        ("data", "fsdp"), None
    )


@pytest.mark.parametrize(
    ("axes", "shape", "message"),
    [
        (("layers", "embed"), (2, 66), "w: axis 'embed' of size 66 does not divide over 4 devices .*fsdp"),
        (("batch",), (12,), "w: axis 'batch' of size 12 does not divide over 8 devices .*data, fsdp"),
        (("heads", "vocab"), (8, 8), "w: axes 'heads' and 'vocab' both map to mesh axis 'tensor'"),
        (("height",), (8,), "w: no sharding rule for its axis 'height'"),
    ],
)
def test_an_impossible_layout_names_parameter_axis_and_size(axes, shape, message):
    with pytest.raises(ShardingError, match=message):
        partition_spec(MESH, axes, shape, name="w")


def test_every_parameter_has_a_place():
    config = ModelConfig(
        "qwen3", 64, 32, 48, 2, 4, 2, 8, qk_norm=True, attention_bias=True, tie_embeddings=False
    )
    for path, parameter in named_parameters(nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0)))):
        spec = partition_spec(MESH, parameter.axes, parameter.shape, name=path)
        weight = path.endswith("weight") or "embedding" in path
        assert not weight or any(spec), path  # nothing large is kept whole on every device


def test_devices_that_are_no_box_of_a_machine_make_a_mesh_in_their_order(monkeypatch):
    def no_box(sizes, devices, **options):
        raise AssertionError

    monkeypatch.setattr("jax.experimental.mesh_utils.create_device_mesh", no_box)
    assert make_mesh().devices.flatten().tolist() == jax.devices()


def test_a_mesh_uses_all_devices_or_says_why_not():
    assert make_mesh().shape["data"] == len(jax.devices())
    with pytest.raises(
        ShardingError,
        match=r"data=3, fsdp=1, expert=1, context=1, tensor=1 does not use exactly the 1 devices",
    ):
        make_mesh(data=3, devices=jax.devices()[:1])
    for size in ({"fsdp": 0}, {"tensor": -2}):
        with pytest.raises(ShardingError, match=r"a mesh of \w+=-?[02]: it is at least 1, or -1 for all"):
            make_mesh(**size)
    for slices in (0, -1):
        with pytest.raises(ShardingError, match=f"a mesh of slices={slices}: it is at least 1$"):
            make_mesh(slices=slices)
    with pytest.raises(ShardingError, match="data=-1, fsdp=-1"):
        make_mesh(fsdp=-1)
    with pytest.raises(ShardingError, match="data=1 does not divide over 2 slices"):
        make_mesh(slices=2, devices=jax.devices()[:1])


def test_a_model_that_cannot_be_laid_out_is_left_as_it_was():
    config = ModelConfig("llama", 64, 32, 48, 2, 4, 2, 8)
    model = nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0)))
    before = nnx.state(model)
    with pytest.raises(ShardingError, match=r"^embedding: no sharding rule"):
        shard_model(model, make_mesh(), {name: axes for name, axes in RULES.items() if name != "vocab"})
    assert jax.tree.all(jax.tree.map(lambda a, b: a is b, before, nnx.state(model)))


LOSSES = dedent("""
    import json
    import jax, jax.numpy as jnp, numpy as np
    from flax import nnx
    from astra_jax.models import ModelConfig, Transformer, init_cache
    from astra_jax.sharding import make_mesh, named_sharding, shard_model

    config = ModelConfig("qwen3", 64, 32, 48, 2, 4, 2, 8, qk_norm=True, tie_embeddings=False, init_std=0.3)
    tokens = np.random.default_rng(0).integers(0, 64, (8, 80))
    segments = np.repeat([[1] * 30 + [2] * 45 + [0] * 5], 8, axis=0)
    batch = (tokens, np.broadcast_to(np.arange(80), tokens.shape), segments)

    def loss_and_sum_of_gradients(mesh):
        model = Transformer(config, rngs=nnx.Rngs(0))
        shard_model(model, mesh)
        graph, state = nnx.split(model)

        def loss(state, tokens, positions, segments):
            model = nnx.merge(graph, state)
            scores = jax.nn.log_softmax(model.logits(model(tokens, positions, segments)))
            picked = jnp.take_along_axis(scores[:, :-1], tokens[:, 1:, None], axis=-1)[..., 0]
            return (picked * (segments[:, 1:] > 0)).mean()

        @jax.jit
        def decode(state, tokens, positions, cache):
            hidden, cache = nnx.merge(graph, state).extend(tokens, positions, cache)
            return jnp.abs(hidden).sum()

        with jax.set_mesh(mesh):
            arrays = [
                jax.device_put(x, named_sharding(mesh, ("batch", "time"), x.shape, name="batch")) for x in batch
            ]
            value, gradient = jax.jit(jax.value_and_grad(loss))(state, *arrays)
            read = decode(state, arrays[0], arrays[1], init_cache(config, 8, 80))
        return [float(value), float(read), *(float(jnp.abs(g).sum()) for g in jax.tree.leaves(gradient))]

    meshes = [
        make_mesh(devices=jax.devices()[:1]),
        make_mesh(data=2, fsdp=2, tensor=2),
    ]
    print(json.dumps([loss_and_sum_of_gradients(mesh) for mesh in meshes]))
""")


def test_eight_devices_give_the_loss_and_gradients_of_one():
    (printed,) = run_script(LOSSES, devices=8)
    one, *many = json.loads(printed)
    for other in many:
        assert other == pytest.approx(one, rel=1e-5)
