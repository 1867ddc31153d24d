"""The engine against servers of other engines on this machine: the same 64 requests to each, in turns.

`python -m benchmarks.engines NAME=URL [NAME=URL ...] [--json FILE]`, ten minutes on 2 cores. Each serves SmolLM2-135M
in float32 and speaks OpenAI's completions with prompts of ids (docs/serving.md says how SGLang and vLLM are started);
ours has random weights of that shape, as no time depends on them, and is asked in this process. All requests are sent
at once. An idle server should not compute: one after the other, where it does.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import jax
from flax import nnx

from astra_jax.models import Transformer
from benchmarks.generation import REQUESTS, SMOLLM2, Work, ours, requests, timed
from benchmarks.reporting import Figure, report

REPEATS = 3
DEADLINE_S = 900.0  # of a server's turn


async def ask(client: aiohttp.ClientSession, model: str, number: int, work: Work) -> None:
    """One request.

    Raises:
        RuntimeError: the server refuses it, or draws another number of tokens.
    """
    body = {
        "model": model,
        "prompt": work.prompt,
        "max_tokens": work.output,
        "temperature": 1.0,
        "seed": number,
        "ignore_eos": True,
    }
    async with client.post("/v1/completions", json=body) as answer:
        told: Any = await answer.json(content_type=None)
    if answer.status != 200 or told["usage"]["completion_tokens"] != work.output:
        raise RuntimeError(f"{client._base_url} answers {answer.status}: {str(told)[:300]}")


async def of_server(url: str, works: Sequence[Work]) -> None:
    limits = {"connector": aiohttp.TCPConnector(limit=0), "timeout": aiohttp.ClientTimeout(DEADLINE_S)}
    async with aiohttp.ClientSession(url, **limits) as client:
        async with client.get("/v1/models") as answer:
            model = (await answer.json())["data"][0]["id"]
        await asyncio.gather(*(ask(client, model, i, work) for i, work in enumerate(works)))


def measure(servers: dict[str, str]) -> list[Figure]:
    works = requests()
    runners: dict[str, Callable[[Sequence[Work]], None]] = {
        "astra_jax": ours(Transformer(SMOLLM2, rngs=nnx.Rngs(0)))
    }
    runners |= {
        name: lambda works, url=url: asyncio.run(of_server(url, works)) for name, url in servers.items()
    }
    for run in runners.values():
        run([Work(work.prompt, 2) for work in works])  # compiles, or warms up
    times = [{name: timed(partial(run, works)) for name, run in runners.items()} for _ in range(REPEATS)]
    output = sum(work.output for work in works)
    what = f"SmolLM2-135M in float32, {REQUESTS} requests, output"
    figures = [
        Figure(f"{what}: {name}", output / statistics.median(each[name] for each in times), "tokens/s")
        for name in runners
    ]
    for name in servers:
        ratio = statistics.median(each[name] / each["astra_jax"] for each in times)
        figures.append(Figure(f"{what}: ratio in the same turn", ratio, "x", name, "above 1", ratio > 1))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("servers", nargs="+", metavar="NAME=URL", help="SGLang=http://127.0.0.1:30000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()
    servers = dict(server.split("=", 1) for server in arguments.servers)
    report("The engine and other servers", measure(servers), arguments.json)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main()
