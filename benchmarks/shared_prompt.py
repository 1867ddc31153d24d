"""A group's prompt once in the training step, against once with each episode: arithmetic and time.

`python -m benchmarks.shared_prompt [--json FILE]`. A group of 8 episodes, 2,000 tokens of prompt and 500 of response,
through the update of `astra_jax.rl` in both ways, which give the same gradient (`tests/astra_jax/rl/test_batching.py`).
They take turns; times are medians. The arithmetic is counted by hand: products with weights for every token of a row,
scores of the vocabulary for trained tokens, attention for every pair of tokens of which one sees the other. In the
small model that is timed attention is a third of it, of which a shared prompt saves less; in Qwen3-8B a twentieth.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import jax
import numpy as np
from flax import nnx

from astra_jax import configuration
from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.transformer import abstract_model
from astra_jax.planning.shapes import preset
from astra_jax.rl.algorithms import make_algorithm
from astra_jax.rl.batching import to_batch
from astra_jax.rl.step import make_step
from astra_jax.sharding import make_mesh
from astra_jax.training.batch import PackedBatch
from astra_jax.training.batch import place as place_batch
from astra_jax.training.flops import product_parameters
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.state import TrainState, place, split_model
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import f1
from data_synthesis.records import Episode, VersionSpan

GROUP, PROMPT, RESPONSE = 8, 2000, 500
SHAPE = ModelConfig(
    "qwen3", 2048, 384, 1152, 6, num_heads=6, num_kv_heads=2, head_dim=64, qk_norm=True, remat="products"
)
PAPER = "qwen3_8b"
TURNS = 3
BAR = 3.0


def episodes() -> list[Episode]:
    rng = np.random.default_rng(0)
    prompt = rng.integers(0, SHAPE.vocab_size, PROMPT).tolist()
    return [
        Episode(
            arena_id="arena",
            token_ids=prompt + rng.integers(0, SHAPE.vocab_size, RESPONSE).tolist(),
            loss_mask=[0] * PROMPT + [1] * RESPONSE,
            logprobs=[0.0] * PROMPT + [-7.6] * RESPONSE,
            weight_versions=[[VersionSpan(0, RESPONSE)]],
            prompt_length=PROMPT,
            reward=f1(2, sample % 3, 2),
            stop_reason="finished",
        )
        for sample in range(GROUP)
    ]


def flops(batch: PackedBatch, model: Transformer) -> float:
    """Of one update: the forward pass, and twice as much backward."""
    c = model.config
    table = c.vocab_size * c.hidden_size
    products = 2 * (product_parameters(model) - table) * batch.tokens.size
    scores = 2 * table * int((batch.loss_weights != 0).sum())
    attention = c.num_layers * 4 * c.num_heads * c.head_dim * _pairs(batch)
    return 3 * (products + scores + attention)


def _pairs(batch: PackedBatch) -> int:
    """Positions count from a sequence's start, its prefix included: a token sees as many, and itself."""
    return int((np.asarray(batch.positions) + 1)[np.asarray(batch.segment_ids) > 0].sum())


def updates(share: bool) -> tuple[Callable[[], object], PackedBatch]:
    """An update of the group, and its batch."""
    config = configuration.load("configs/rl/nano.py")
    # A response in a shared row begins with the last token of the prompt, of which its first one is predicted.
    config.row_length = PROMPT + GROUP * (RESPONSE + 1) if share else PROMPT + RESPONSE
    config.micro_rows, config.logits_chunk = 1, 500
    group, algorithm = episodes(), make_algorithm(config)
    signal = algorithm.signal(group)
    assert signal is not None
    batch = to_batch([group], algorithm.of_batch([signal]), config.row_length, 1, share_prompts=share)
    mesh = make_mesh()
    model = Transformer(SHAPE, rngs=nnx.Rngs(0))
    optimizer = make_optimizer(OptimizerConfig(1e-6), 1000, model)
    state = place(TrainState.create(split_model(model)[1], optimizer.transform), mesh)
    step = make_step(config, model, optimizer, state, batch.tokens.shape[0])
    placed, holder = place_batch(batch, mesh), [state]

    def run() -> object:
        with jax.set_mesh(mesh):
            holder[0], metrics = step(holder[0], placed)
        return jax.device_get(metrics["loss"])

    return run, batch


def measure() -> list[Figure]:
    ways = {share: updates(share) for share in (True, False)}
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(TURNS + 1):
        for share, (run, _) in ways.items():
            start = time.perf_counter()
            run()
            if turn:  # the first one compiles
                seconds[share].append(time.perf_counter() - start)
    once, each = (statistics.median(seconds[share]) for share in (True, False))

    def fewer(shape: ModelConfig) -> float:
        model = abstract_model(shape)
        return flops(ways[False][1], model) / flops(ways[True][1], model)

    paper = fewer(preset(PAPER))
    return [
        Figure("arithmetic, Qwen3-8B", paper, "x fewer", "prompt with each", f"at least {BAR}", paper >= BAR),
        Figure("arithmetic, timed model", fewer(SHAPE), "x fewer", "prompt with each"),
        Figure("time, prompt once", once, "s"),
        Figure("time, prompt with each", each, "s"),
        Figure("time", each / once, "x less", "prompt with each", "as its arithmetic"),
    ]


if __name__ == "__main__":
    main(f"a group of {GROUP}: {PROMPT:,} tokens of prompt, {RESPONSE} of response", measure)
