"""The RL update on a mesh of 8 devices against one."""

import json

import pytest

from tests.astra_jax.simulated import run_script

SCRIPT = """
import json, jax, jax.numpy as jnp, numpy as np
from flax import nnx
from ml_collections import ConfigDict
from astra_jax.models import ModelConfig, Transformer
from astra_jax.rl.correction import Correction
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.rl.reference import Reference
from astra_jax.sharding import make_mesh, shard_model
from astra_jax.training.batch import place
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import join_model, split_model

SHAPE = ModelConfig("qwen3", vocab_size=64, hidden_size=32, ffn_size=32, num_layers=2, num_heads=4, head_dim=8,
                    num_kv_heads=2, qk_norm=True, tie_embeddings=False, init_std=0.3)
CONFIG = ConfigDict({"micro_rows": 4, "temperature": 0.8, "logits_chunk": 5})
OBJECTIVE = Objective("gspo", correction=Correction(sequence="mask", sequence_low=0.8, sequence_high=1.3),
                      kl_coefficient=0.3, entropy_coefficient=0.2)

def batch():
    rng = np.random.default_rng(0)
    def sample(n):
        weights = (rng.random(n) < 0.7) / 100
        return Sample(rng.integers(1, 61, n), weights, np.full(n, rng.normal()), rng.normal(-6.1, 0.5, n))
    return pack([single(sample(n)) for n in rng.integers(8, 60, 20)], 64, 8)

def measure(mesh):
    model, start = (Transformer(SHAPE, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    for each in (model, start):
        shard_model(each, mesh)
    graph, params = split_model(model)
    def loss(params, batch):
        return policy_loss(join_model(graph, params), batch, temperature=0.8, objective=OBJECTIVE, chunk=5)
    with jax.set_mesh(mesh):
        scored = Reference(CONFIG, start).with_logprobs(place(batch(), mesh))
        (value, figures), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params, scored)
    return jax.device_get((value, {n: f.reduce() for n, f in figures.items()}, gradient))

def far(a, b):
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-3))

alone = measure(make_mesh(devices=jax.devices()[:1]))
split = measure(make_mesh(data=1, fsdp=2, context=2, tensor=2))
worst = jax.tree.leaves(jax.tree.map(far, split, alone))
masked = float(alone[1]["importance/masked_fraction"])
print(json.dumps({"worst": max(worst), "masked": masked, "kl": float(alone[1]["reference_kl/k3"])}))
"""


@pytest.mark.slow
def test_ratios_of_episodes_entropy_and_kl_are_the_same_where_devices_share_rows():
    (output,) = run_script(SCRIPT, devices=8)
    figures = json.loads(output.splitlines()[-1])
    assert figures["worst"] < 1e-4
    assert 0.05 < figures["masked"] < 0.95
    assert figures["kl"] > 0.1
