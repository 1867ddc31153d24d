"""`astra serve` under load: many streams at once, and clients that go away.

`python -m benchmarks.serving [--json FILE]`, a minute or two on 2 cores. The model has the nano shape and random
weights; clients are in the server's own process, so that what they cost counts. What it does not show: a network, or
real prompts.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import jax
import tokenizers
import uvicorn
from flax import nnx

from astra_jax.checkpoints.hf import export_model
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.server.app import make_app
from astra_jax.inference.server.run import make_service
from astra_jax.inference.server.service import Service, Settings
from astra_jax.models import Transformer
from astra_jax.tokens import QWEN3
from benchmarks.model import NANO
from benchmarks.reporting import Figure, main

STREAMS, TOKENS = 200, 64
ABORTS = 1000
SIZE = EngineSize(slots=32, context=512, prefill_tokens=64, stop_ids=8)


def checkpoint(folder: Path) -> Path:
    """Random weights, and a tokenizer whose tokens are `t0`, `t1` and so on: requests are ids."""
    words = {f"t{i}": i for i in range(NANO.vocab_size - 1)} | {QWEN3.end_of_turn: NANO.vocab_size - 1}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="t0"))
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": QWEN3.end_of_turn}))
    return export_model(Transformer(NANO, rngs=nnx.Rngs(0)), folder / "hf", tokenizer_dir=folder)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[str, Service]]:
    service = make_service(Settings("nano", folder, QWEN3, queue=2 * ABORTS), SIZE, jax.devices()[:2])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(make_app(service), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/generate", service
        server.should_exit = True
        await asyncio.to_thread(thread.join, 30)


async def stream(client: aiohttp.ClientSession, address: str, number: int, tokens: int) -> float:
    """Seconds until the first token.

    Raises:
        RuntimeError: the answer is not whole.
    """
    params = {"max_new_tokens": tokens, "ignore_eos": True, "sampling_seed": number}
    body = {"input_ids": [number % 1000, 1, 2, 3], "stream": True, "sampling_params": params}
    start, first, last = time.perf_counter(), math.nan, ""
    async with client.post(address, json=body) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                first = time.perf_counter() - start if math.isnan(first) else first
                last = line.removeprefix(b"data: ").decode()
    if json.loads(last)["meta_info"]["completion_tokens"] != tokens:
        raise RuntimeError(f"an answer ended early: {last}")
    return first


async def leave(client: aiohttp.ClientSession, address: str, number: int) -> None:
    """Asks for more than it waits for."""
    try:
        async with asyncio.timeout(0.05 + number % 50 / 100):
            await stream(client, address, number, SIZE.context - 8)
    except TimeoutError:
        pass


async def load(folder: Path) -> list[Figure]:
    unlimited = aiohttp.TCPConnector(limit=0)
    async with serving(folder) as (address, service), aiohttp.ClientSession(connector=unlimited) as client:
        await asyncio.gather(*(stream(client, address, i, 4) for i in range(8)))  # compiles
        start = time.perf_counter()
        seen = await asyncio.gather(
            *(stream(client, address, i, TOKENS) for i in range(STREAMS)), return_exceptions=True
        )
        wall = time.perf_counter() - start
        errors = sum(isinstance(each, BaseException) for each in seen)
        firsts = sorted(each for each in seen if isinstance(each, float))
        await asyncio.gather(*(leave(client, address, i) for i in range(ABORTS)))
        end = time.perf_counter() + 60
        while any(service.engines.load) and time.perf_counter() < end:
            await asyncio.sleep(0.1)
        left = sum(service.engines.load)
        await stream(client, address, 1, 8)
    what = f"{STREAMS} streams of {TOKENS} tokens at once"
    p99 = firsts[max(0, math.ceil(0.99 * len(firsts)) - 1)] if firsts else math.nan
    return [
        Figure(f"{what}: errors", errors, "", bar="0", met=errors == 0),
        Figure(f"{what}: time to the first token, p99", p99, "s"),
        Figure(f"{what}: output", STREAMS * TOKENS / wall, "tokens/s"),
        Figure(f"slots held after {ABORTS:,} clients went away", left, "", bar="0", met=left == 0),
    ]


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(load(checkpoint(Path(folder))))


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main("Serving", measure)
