"""Loss and gradients of tiny models on meshes of 8 devices against one: prints a line of JSON for each mesh."""

import json
import re
import sys

import jax
import numpy as np
from flax import nnx

from astra_jax.models import ModelConfig, Transformer
from astra_jax.sharding import make_mesh, shard_model
from astra_jax.training.batch import place
from astra_jax.training.loss import cross_entropy
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import join_model, split_model

COMMON = {"vocab_size": 64, "hidden_size": 32, "ffn_size": 32, "num_layers": 5, "num_heads": 4, "head_dim": 8}
COMMON |= {"num_kv_heads": 2, "qk_norm": True, "tie_embeddings": False, "init_std": 0.3, "remat": "attention"}
MODELS = {
    "dense": ModelConfig("qwen3", **COMMON),
    "sliding": ModelConfig(
        "gemma3_text",
        **COMMON,
        sliding_window=9,
        sliding_layers=(True, True, False, True, False),
        local_rope_theta=50.0,
    ),
    "mixture": ModelConfig("qwen3_moe", **COMMON, num_experts=8, experts_per_token=2, expert_ffn_size=16),
}
COLLECTIVE = re.compile(r" (all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute)(?:-start)?\(")


def batch():
    rng = np.random.default_rng(0)
    samples = [Sample(rng.integers(1, 61, n), (rng.random(n) < 0.7) * 1.0) for n in rng.integers(8, 60, 20)]
    return pack([single(sample) for sample in samples], 64, 8)


def loss_and_gradients(config, mesh):
    """Both, on the host, and how many collectives of each kind the compiled program has."""
    model = Transformer(config, rngs=nnx.Rngs(0))
    shard_model(model, mesh)
    graph, params = split_model(model)
    shardings = jax.tree.map(lambda x: x.sharding, params)

    def loss(params, batch):
        return cross_entropy(join_model(graph, params), batch, chunk=3)[0]

    with jax.set_mesh(mesh):
        step = jax.jit(jax.value_and_grad(loss), out_shardings=(None, shardings))
        compiled = step.lower(params, place(batch(), mesh)).compile()
        value, gradients = compiled(params, place(batch(), mesh))
    counts = {}
    for kind in COLLECTIVE.findall(compiled.as_text()):
        counts[kind] = counts.get(kind, 0) + 1
    return float(value), jax.device_get(gradients), counts


def distance(a, b):
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-3))


def main():
    alone = {}
    for name, sizes in json.loads(sys.argv[1]):
        config = MODELS[name]
        if name not in alone:
            alone[name] = loss_and_gradients(config, make_mesh(devices=jax.devices()[:1]))[:2]
        mesh = make_mesh(**{"data": 1} | sizes, devices=jax.devices()[: int(np.prod(list(sizes.values())))])
        value, gradients, counts = loss_and_gradients(config, mesh)
        far = jax.tree.map(distance, gradients, alone[name][1])
        worst = max(jax.tree.leaves(far))
        print(
            json.dumps({"loss": abs(value / alone[name][0] - 1), "gradients": worst, "collectives": counts}),
            flush=True,
        )


if __name__ == "__main__":
    main()
