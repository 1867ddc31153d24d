"""Where the tensors of a parameter lie in it, by the names of its axes alone."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints import fill as filling
from astra_jax.checkpoints import gather
from astra_jax.checkpoints.fill import fill
from astra_jax.checkpoints.gather import tensors_of
from astra_jax.checkpoints.layout import Layout
from astra_jax.checkpoints.safetensors_dir import TensorReader, write_tensors
from astra_jax.models.families import Family, UnsupportedModel

FAMILY = Family(
    model_type="fake",
    architecture="Fake",
    tensors={
        "layers.moe.gate.weight": "model.layers.{layer}.mlp.experts.{expert}.gate_proj.weight",
        "layers.moe.gate.bias": "model.layers.{layer}.mlp.experts.{expert}.gate_proj.bias",
        "layers.moe.router.weight": "model.layers.{layer}.mlp.gate.weight",
        "layers.query.weight": "model.layers.{layer}.q.weight",
        "experts.scale": "model.scale",
        "embedding": "embed",
    },
    read=lambda hf: {},
    write=lambda config: {},
)
# path: axes, sizes, how many are inputs, and their tensor for one index as an einsum would transpose ours
PARAMETERS = {
    "layers.moe.gate.weight": (("layers", "experts", "embed", "ffn"), (2, 3, 4, 5), 1, (5, 4)),
    "layers.moe.gate.bias": (("layers", "experts", "ffn"), (2, 3, 5), 0, (5,)),
    "layers.moe.router.weight": (("layers", "embed", "experts"), (2, 4, 3), 1, (3, 4)),
    "layers.query.weight": (("layers", "embed", "heads", "head_dim"), (2, 4, 3, 5), 1, (15, 4)),
    "experts.scale": (("experts", "embed"), (3, 4), None, (3, 4)),
    "embedding": (("vocab", "embed"), (7, 4), None, (7, 4)),
}


def parameter(path):
    axes, shape, inputs, _ = PARAMETERS[path]
    values = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    return nnx.Param(values, axes=axes, inputs=inputs)


@pytest.fixture(params=[16 * 2**20, 16], ids=["on the host", "on the devices"])
def _piece_bytes(request, monkeypatch):
    monkeypatch.setattr(filling, "PIECE_BYTES", request.param)
    monkeypatch.setattr(gather, "PIECE_BYTES", request.param)


@pytest.mark.usefixtures("_piece_bytes")
@pytest.mark.parametrize("path", PARAMETERS)
def test_a_parameter_is_taken_apart_and_put_together(path, tmp_path):
    ours = parameter(path)
    layout = Layout.of(FAMILY, path, ours)
    value = ours.get_value()
    tensors = list(tensors_of(layout, value, "float32"))
    assert {tensor.shape for tensor in tensors} == {PARAMETERS[path][3]}
    for tensor, (index, name) in zip(tensors, layout.names(), strict=True):
        body = np.asarray(value)[index]
        inputs = int(np.prod(body.shape[: ours.inputs or 0]))
        theirs = body.reshape(inputs, -1).T if ours.inputs else body
        assert tensor.name == name
        np.testing.assert_array_equal(tensor.values(), theirs.reshape(tensor.shape))
    write_tensors(tmp_path, tensors)
    with TensorReader(tmp_path) as reader:
        again = fill(layout, "float32", None, reader)
    assert again.shape == value.shape
    np.testing.assert_array_equal(again, value)


def test_each_layer_and_expert_has_its_own_tensor():
    def names(path):
        return dict(Layout.of(FAMILY, path, parameter(path)).names())

    experts = names("layers.moe.gate.weight")
    assert len(experts) == 6
    assert experts[1, 2] == "model.layers.1.mlp.experts.2.gate_proj.weight"
    assert names("layers.moe.router.weight") == {
        (0,): "model.layers.0.mlp.gate.weight",
        (1,): "model.layers.1.mlp.gate.weight",
    }
    assert names("experts.scale") == {(): "model.scale"}


def test_a_parameter_that_the_family_does_not_name_is_refused():
    with pytest.raises(UnsupportedModel, match=r"'fake' have no tensor for parameter layers\.bias"):
        Layout.of(FAMILY, "layers.bias", parameter("embedding"))
