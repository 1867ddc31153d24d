"""A training state that was saved on one mesh continues on any other, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

DEVICES = 8
# Saves a state on the first mesh, restores it on each of the others from what the one before saved, and prints a
# digest of every array, and in how many parts a weight is, and a mean of Adafactor's over its rows.
TRAVEL = """
import hashlib, json, sys
import jax, jax.numpy as jnp, numpy as np
from flax import nnx
from astra_jax.models import ModelConfig, Transformer
from astra_jax.sharding import make_mesh, shard_model
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.state import TrainState, abstract_state, place, split_model

jax.config.update("jax_disable_most_optimizations", True)
meshes, folder, optimizer_name = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
shape = ModelConfig("qwen3", 128, 128, 256, 2, 4, 4, 4, qk_norm=True, tie_embeddings=False)

def state_on(sizes, seed):
    mesh = make_mesh(**sizes, devices=jax.devices()[: int(np.prod(list(sizes.values())))])
    model = Transformer(shape, rngs=nnx.Rngs(seed))
    shard_model(model, mesh)
    params = split_model(model)[1]
    transform = make_optimizer(OptimizerConfig(1e-2, optimizer_name), 3, model).transform
    state = place(TrainState.create(params, transform), mesh)
    planned = abstract_state(model, transform, mesh)
    for (path, ours), plan in zip(jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(planned), strict=True):
        assert ours.sharding.is_equivalent_to(plan.sharding, ours.ndim), jax.tree_util.keystr(path)
    return state, mesh

def scrambled(state):
    keys = iter(jax.random.split(jax.random.key(0), 1000))
    def other(x):
        new = jax.random.normal(next(keys), x.shape).astype(x.dtype) if x.dtype == jnp.float32 else x + 3
        return jax.device_put(new, x.sharding)
    return jax.tree.map(other, state)

def digest(state):
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(p): hashlib.sha256(np.asarray(x).tobytes()).hexdigest() for p, x in leaves}

results = []
state, _ = state_on(meshes[0], 0)
state = scrambled(state)
for i, sizes in enumerate(meshes):
    if i:
        like, mesh = state_on(sizes, i)
        manager = CheckpointManager(f"{folder}/{i - 1}")
        state = manager.restore(like).state
        manager.close()
        assert jax.tree.map(lambda x: x.sharding, state) == jax.tree.map(lambda x: x.sharding, like)
    gate = state.params["layers"]["ffn"]["gate"]["weight"]
    others = [x for x in jax.tree.leaves(state.opt_state) if x.shape == (2, 128)]  # Adafactor's, of `embed`
    parts = [x.size // x.addressable_data(0).size for x in (gate, *others[:1])]
    results.append([parts, digest(state)])
    manager = CheckpointManager(f"{folder}/{i}")
    manager.save(state)
    manager.close()
print(json.dumps(results))
"""

MESHES = [{"data": 1, "fsdp": 8}, {"data": 1, "fsdp": 2, "tensor": 4}, {"data": 1}, {"data": 4, "fsdp": 2}]
PARTS = [[8, 8], [8, 2], [1, 1], [2, 2]]


@pytest.mark.parametrize(
    "optimizer", ["adafactor", *(pytest.param(name, marks=pytest.mark.slow) for name in ("adamw", "muon"))]
)
def test_a_state_is_restored_on_other_meshes_bit_for_bit(optimizer, tmp_path):
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(DEVICES)}
    env.pop("XLA_FLAGS", None)
    result = subprocess.run(
        [sys.executable, "-c", TRAVEL, json.dumps(MESHES), str(tmp_path), optimizer],
        env=env,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    results = json.loads(result.stdout.splitlines()[-1])
    assert [parts for parts, _ in results] == PARTS
    first = results[0][1]
    assert len(first) > 40
    assert all(digests == first for _, digests in results)
