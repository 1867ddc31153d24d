"""Training steps a second of SmolLM2-135M's shape in float32 on this machine's cores, against PyTorch's eager ones.

`python -m benchmarks.train_step [--json FILE]`. Both do the same: forward and backward over 4 rows of 256 tokens, and
AdamW. They take turns, so that other work on the machine falls on both; the figures are medians. The weights are
random, as no time depends on them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np
from flax import nnx

from astra_jax.models import Transformer
from astra_jax.sharding import make_mesh, shard_model
from astra_jax.training.batch import place as place_batch
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import TrainState, place, split_model
from astra_jax.training.step import make_train_step
from benchmarks.generation import SMOLLM2
from benchmarks.reporting import Figure, main

SHAPE = replace(SMOLLM2, remat="products")
ROWS, LENGTH = 4, 256
REPEATS = 5

Runner = Callable[[], object]


def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, SHAPE.vocab_size, (ROWS, LENGTH))


def ours(devices: int) -> Runner:
    """Steps of the trainer's own function, rows and weights split over `devices` of the CPU: each updates its part."""
    mesh = make_mesh(devices=jax.devices()[:devices], data=1, fsdp=devices)
    model = Transformer(SHAPE, rngs=nnx.Rngs(0))
    shard_model(model, mesh)
    graph, params = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(1e-4), 1000, model)
    state = place(TrainState.create(params, optimizer.transform), mesh)
    shardings = jax.tree.map(lambda x: x.sharding, state)
    step = make_train_step(graph, optimizer, cross_entropy, shardings=shardings)
    batch = pack([single(Sample(row, np.ones(LENGTH))) for row in tokens()], LENGTH, ROWS)
    holder = [state]

    def run() -> object:
        with jax.set_mesh(mesh):
            holder[0], metrics = step(holder[0], place_batch(batch, mesh))
        return jax.device_get(metrics["loss"])

    return run


def theirs() -> Runner | None:
    """Steps of `transformers`' model in PyTorch; None where it is not installed."""
    try:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError:
        return None
    torch.set_num_threads(os.cpu_count() or 1)
    config = LlamaConfig(
        vocab_size=SHAPE.vocab_size,
        hidden_size=SHAPE.hidden_size,
        intermediate_size=SHAPE.ffn_size,
        num_hidden_layers=SHAPE.num_layers,
        num_attention_heads=SHAPE.num_heads,
        num_key_value_heads=SHAPE.num_kv_heads,
        tie_word_embeddings=True,
        use_cache=False,
    )
    model = LlamaForCausalLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.tensor(tokens())

    def run() -> object:
        optimizer.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return run


def rates(runners: dict[str, Runner]) -> dict[str, float]:
    """Tokens a second of each, the median over turns; the first turn, which compiles, does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(REPEATS + 1):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: ROWS * LENGTH / statistics.median(each) for name, each in seconds.items()}


def measure() -> list[Figure]:
    devices = jax.device_count()
    runners = {"astra_jax": ours(devices)}
    if torch_runner := theirs():
        runners["PyTorch"] = torch_runner
    rate = rates(runners)
    figures = [Figure(f"training, {devices} devices", rate["astra_jax"], "tokens/s")]
    if "PyTorch" in rate:
        ratio = rate["astra_jax"] / rate["PyTorch"]
        figures.append(Figure("PyTorch eager", rate["PyTorch"], "tokens/s"))
        figures.append(Figure("ratio", ratio, "", "PyTorch eager", "1 or more", ratio >= 1))
    return figures


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    main("SmolLM2-135M's training step, 4 x 256 tokens, float32", measure)
