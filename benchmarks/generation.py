"""The generation engine against `transformers.generate`, and against doing without what it keeps.

`python -m benchmarks.generation [--json FILE]`, many minutes on 2 cores. Weights are random, of the shape of
SmolLM2-135M against `transformers`, and of the nano model in the other parts; both engines get the same ones, in
float32. `transformers` is timed with each batch size on half of the requests, and with the best on all. What is
compared runs in turns, so that other work on the machine falls on both. What it does not show: stop ids, tools, or
another device.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from astra_jax.checkpoints.hf import export_model
from astra_jax.inference import engine as engine_module
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Sampling
from astra_jax.inference.pool import EnginePool
from astra_jax.models import ModelConfig, Transformer
from benchmarks.clock import Clock
from benchmarks.model import NANO
from benchmarks.reporting import Figure, main

SMOLLM2 = ModelConfig(
    family="llama",
    vocab_size=49_152,
    hidden_size=576,
    ffn_size=1536,
    num_layers=30,
    num_heads=9,
    num_kv_heads=3,
    head_dim=64,
    rope_theta=100_000.0,
)
REQUESTS, PROMPTS, OUTPUTS = 64, (32, 512), (16, 256)
BATCHES = (8, 16, 32)  # of transformers
REPEATS = 3
GROUP, GROUP_PROMPT = 8, 2000


@dataclass(frozen=True)
class Work:
    prompt: list[int]
    output: int


def requests(seed: int = 0) -> list[Work]:
    rng = np.random.default_rng(seed)
    lengths = zip(rng.integers(*PROMPTS, REQUESTS), rng.integers(*OUTPUTS, REQUESTS), strict=True)
    return [Work(rng.integers(0, SMOLLM2.vocab_size, n).tolist(), int(m)) for n, m in lengths]


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def sampling(tokens: int, seed: int = 0) -> Sampling:
    return Sampling(max_tokens=tokens, stop_ids=(), seed=seed)


def ours(model: Transformer) -> Callable[[Sequence[Work]], None]:
    # A step computes all slots, busy or not: with one for each request, half of what it computes is for nobody.
    size = EngineSize(slots=16, context=1024)
    pool = EnginePool.on_each(model, size, jax.devices()[:2])

    async def all_of(works: Sequence[Work]) -> None:
        await asyncio.gather(*(pool.generate(w.prompt, sampling(w.output, i)) for i, w in enumerate(works)))

    def run(works: Sequence[Work]) -> None:
        pool.flush()  # whoever has read these prompts before need not read them again
        asyncio.run(all_of(works))

    return run


def transformers(model: Transformer) -> Callable[[Sequence[Work], int], None]:
    """Batches of requests in order, each until its longest output, as `generate` does it."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tokenizer.json").write_text("{}")  # prompts are ids
        export_model(model, folder / "hf", tokenizer_dir=folder)
        theirs: Any = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32).eval()
    theirs.generation_config = GenerationConfig(do_sample=True, pad_token_id=0)

    def run(works: Sequence[Work], batch: int) -> None:
        for start in range(0, len(works), batch):
            part = works[start : start + batch]
            width = max(len(w.prompt) for w in part)
            rows = [[0] * (width - len(w.prompt)) + w.prompt for w in part]
            mask = [[0] * (width - len(w.prompt)) + [1] * len(w.prompt) for w in part]
            new = max(w.output for w in part)
            with torch.no_grad():
                theirs.generate(
                    torch.tensor(rows),
                    attention_mask=torch.tensor(mask),
                    min_new_tokens=new,
                    max_new_tokens=new,
                )

    return run


def against_transformers() -> list[Figure]:
    model = Transformer(SMOLLM2, rngs=nnx.Rngs(0))
    work, mine, theirs = requests(), ours(model), transformers(model)
    mine([Work(w.prompt, 2) for w in work])  # compiles
    by_batch = {batch: timed(lambda b=batch: theirs(work[: REQUESTS // 2], b)) for batch in BATCHES}
    best = min(by_batch, key=lambda batch: by_batch[batch])
    times = [(timed(lambda: mine(work)), timed(lambda: theirs(work, best))) for _ in range(REPEATS)]
    output = sum(w.output for w in work)
    ratio = statistics.median(b / a for a, b in times)
    a, b = (output / statistics.median(column) for column in zip(*times, strict=True))
    what = f"SmolLM2-135M, {REQUESTS} requests, output"
    return [
        Figure(f"{what}: astra_jax, 2 CPU devices", a, "tokens/s"),
        Figure(f"{what}: transformers, batch {best}", b, "tokens/s"),
        Figure(f"{what}: ratio in the same turn", ratio, "x", "transformers", "at least 3", ratio >= 3),
    ]


def of_one_stream() -> list[Figure]:
    """What slots that are not needed cost: a step computes them all."""
    model, prompt, output = Transformer(SMOLLM2, rngs=nnx.Rngs(0)), [1] * 64, 64
    few, many = (JaxEngine(model, EngineSize(slots=slots, context=1024)) for slots in (8, 32))

    def once(engine: JaxEngine) -> float:
        return timed(lambda: asyncio.run(engine.generate(prompt, sampling(output))))

    once(few), once(many)  # compiles
    times = [(once(few), once(many)) for _ in range(REPEATS)]
    rate = output / statistics.median(a for a, _ in times)
    ratio = statistics.median(b / a for a, b in times)
    what = "SmolLM2-135M, one stream, 8 slots"
    return [Figure(what, rate, "tokens/s"), Figure(f"{what}: ratio", ratio, "x", "32 slots")]


def of_groups() -> list[Figure]:
    model = Transformer(NANO, rngs=nnx.Rngs(0))
    engine = JaxEngine(model, EngineSize(slots=GROUP, context=2048))
    prompt = np.random.default_rng(0).integers(0, NANO.vocab_size, GROUP_PROMPT).tolist()

    async def group(size: int) -> None:
        await asyncio.gather(*(engine.generate(prompt, sampling(1, i)) for i in range(size)))

    def once(size: int) -> float:
        engine.flush()
        return timed(lambda: asyncio.run(group(size)))

    once(GROUP)
    times = [(once(1), once(GROUP)) for _ in range(2 * REPEATS + 1)]
    ratio = statistics.median(b / a for a, b in times)
    what = f"{GROUP} first tokens after one prompt of {GROUP_PROMPT:,} tokens"
    return [Figure(what, ratio, "x", "one request", "at most 1.2", ratio <= 1.2)]


def of_overhead() -> list[Figure]:
    """Share of the wall time in which no dispatch runs."""
    model = Transformer(NANO, rngs=nnx.Rngs(0))
    engine = JaxEngine(model, EngineSize(slots=32, context=512))
    clock = Clock()

    async def everything() -> None:
        await asyncio.gather(*(engine.generate([i, 1, 2], sampling(256, i)) for i in range(32)))

    with clock.watching(engine_module, "decode_steps", "prefill_chunk"):
        asyncio.run(everything())
        shares = []
        for _ in range(REPEATS):
            before = clock.busy_s
            wall = timed(lambda: asyncio.run(everything()))
            shares.append(100 * (1 - (clock.busy_s - before) / wall))
    share = statistics.median(shares)
    return [Figure("nano model, 32 at once: outside XLA", share, "%", "wall time", "under 10", share < 10)]


def measure() -> list[Figure]:
    return of_overhead() + of_one_stream() + of_groups() + against_transformers()


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main("Generation", measure)
