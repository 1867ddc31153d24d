import json
import os
import subprocess
import sys

import pytest

# Three updates of a tiny model under a mesh of the given sizes; prints losses, gradient norms and a digest of
# where the state lives before and after.
TRAIN = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from flax import nnx
from astra_jax.models import ModelConfig, Transformer
from astra_jax.sharding import make_mesh, shard_model
from astra_jax.training.batch import place as place_batch
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import TrainState, abstract_state, place, split_model
from astra_jax.training.step import make_train_step

jax.config.update("jax_disable_most_optimizations", True)
shape = ModelConfig("qwen3", 64, 16, 32, 2, 4, 2, 4, qk_norm=True, init_std=0.3)
rng = np.random.default_rng(0)
samples = [Sample(rng.integers(1, 61, n), (rng.random(n) < 0.7) * 1.0) for n in rng.integers(4, 16, 12)]
batch = pack([single(sample) for sample in samples], 16, 16)
results = {}
for name, sizes, micro_batches in json.loads(sys.argv[1]):
    devices = jax.devices()[: int(np.prod(list(sizes.values())))]
    mesh = make_mesh(**sizes, devices=devices)
    model = Transformer(shape, rngs=nnx.Rngs(0))
    shard_model(model, mesh)
    graph, params = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(1e-2), 3, model)
    state = place(TrainState.create(params, optimizer.transform), mesh)
    shardings = jax.tree.map(lambda x: x.sharding, state)
    planned = abstract_state(model, optimizer.transform, mesh)
    for real, ours in zip(jax.tree.leaves(state), jax.tree.leaves(planned), strict=True):
        assert (real.shape, real.dtype) == (ours.shape, ours.dtype)
        assert real.sharding.is_equivalent_to(ours.sharding, real.ndim)
    step = make_train_step(graph, optimizer, cross_entropy, micro_batches=micro_batches, shardings=shardings)
    figures = []
    with jax.set_mesh(mesh):
        for number in range(3):
            if number == 2:
                manager = CheckpointManager(f"{sys.argv[2]}/{name}")
                manager.save(state)
                state = manager.restore(state).state
            state, metrics = step(state, place_batch(batch, mesh))
            figures.append([float(metrics["loss"]), float(metrics["grad_norm"])])
    assert jax.tree.map(lambda x: x.sharding, state) == shardings
    results[name] = figures
print(json.dumps(results))
"""

MESHES = [
    ("alone", {"data": 1}, 1),
    ("split", {"data": 2, "fsdp": 2, "tensor": 2}, 2),
]


def test_a_mesh_changes_neither_loss_nor_gradients_nor_where_things_live(tmp_path):
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    result = subprocess.run(
        [sys.executable, "-c", TRAIN, json.dumps(MESHES), str(tmp_path)],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    figures = json.loads(result.stdout.splitlines()[-1])
    for name, values in figures.items():
        for ours, alone in zip(values, figures["alone"], strict=True):
            assert ours == pytest.approx(alone, rel=1e-4), name
