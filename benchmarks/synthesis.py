"""How well synthesis keeps a server busy, and what it costs the client: 500 questions to proved arenas, over HTTP.

The server is a process of its own on this machine: 64 slots, 200 ms a reply whatever is asked, a queue before the
slots. It answers from the shipped transcripts, whose questions are asked in numbered versions. Beside the run as it
is stand two others in the same process: step after step, each waiting for the whole of the one before, and the bare
`openai` client sending the same prompts, which is the least that a call can cost.

The client's CPU is that of this process, all threads: the client, validation, the ledger, the journals, and the part
of the proof that is not in the sandbox. The sandbox's processes and the server's share the machine's cores with it; so
does whatever else runs there, which is measured as well, since the slots stand idle while the client waits for a core.
What it does not show: a real server's latency, which varies, and replies of thousands of tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import openai

from benchmarks.completions_server import LATENCY_S, MODEL, SLOTS, version
from benchmarks.processor import machine_seconds, tree_seconds
from benchmarks.reporting import Figure, main
from data_synthesis.environments import STEPS, synthesise_arenas
from data_synthesis.pipeline import Policy
from data_synthesis.records import Question, Seed
from data_synthesis.sandbox import LocalSandbox, Sandbox
from data_synthesis.teacher.server import ServerSettings, ServerTeacher
from data_synthesis.teacher.transcript import TranscriptTeacher

QUESTIONS = 500
AT_ONCE = 256  # questions in work, the default of `astra synth arenas`


class Recorder(TranscriptTeacher):
    """Remembers the words of each question beside its recorded answer."""

    def __init__(self) -> None:
        super().__init__()
        self.book: dict[str, str] = {}

    async def ask(self, prompt: Any) -> Any:
        reply = await super().ask(prompt)
        self.book[prompt.text()] = reply.model_dump_json()
        return reply


@dataclass(frozen=True)
class Run:
    """What one way of asking everything took.

    Args:
        wall_s, cpu_s: seconds of wall, and of this process's CPU.
        sandbox_s, others_s: seconds of CPU that the sandbox took, and that what has nothing to do with it took.
        load: the server's report.
    """

    wall_s: float
    cpu_s: float
    sandbox_s: float
    others_s: float
    load: dict[str, float]
    arenas: int = 0

    @property
    def ms_per_call(self) -> float:
        return 1000 * self.cpu_s / self.load["requests"]


def measure() -> list[Figure]:
    with LocalSandbox() as sandbox:
        recorder = Recorder()
        questions = versions(recorder.seeds())
        with tempfile.TemporaryDirectory() as folder:
            synthesise_arenas(recorder.seeds(), recorder, sandbox, folder)
        streamed = run(
            recorder.book, lambda url: synthesise(questions, url, sandbox, [(STEPS[0], STEPS[-1])])
        )
        stepwise = run(
            recorder.book, lambda url: synthesise(questions, url, sandbox, [(s, s) for s in STEPS])
        )
    prompts = [version(text, n) for n in range(QUESTIONS // len(questions) + 1) for text in recorder.book]
    bare = run(
        recorder.book, lambda url: asyncio.run(ask_all(prompts[: int(streamed.load["requests"])], url))
    )
    ideal = streamed.load["requests"] * LATENCY_S / SLOTS
    share = streamed.load["busy"]
    cores, stepwise_cores = (each.wall_s * (os.cpu_count() or 1) for each in (streamed, stepwise))
    return [
        Figure("slots busy", share, "share", bar="at least 0.85", met=share >= 0.85),
        Figure("slots busy, step after step", stepwise.load["busy"], "share"),
        Figure("slots busy, bare client", bare.load["busy"], "share"),
        Figure("client CPU", streamed.ms_per_call, "ms a call", bar="under 3", met=streamed.ms_per_call < 3),
        Figure("client CPU, step after step", stepwise.ms_per_call, "ms a call"),
        Figure("client CPU, bare client", bare.ms_per_call, "ms a call"),
        Figure("client CPU, how many times", streamed.ms_per_call / bare.ms_per_call, "x", "bare client"),
        Figure("wall clock", streamed.wall_s, "s", f"{ideal:.1f} s with every slot busy"),
        Figure("wall clock, step after step", stepwise.wall_s, "s"),
        Figure("how many times as fast", stepwise.wall_s / streamed.wall_s, "x", "step after step"),
        Figure("calls", streamed.load["requests"], "calls"),
        Figure("longest queue at the server", streamed.load["longest_queue"], "requests"),
        Figure("server CPU", 1000 * streamed.load["cpu_s"] / streamed.load["requests"], "ms a call"),
        Figure("sandbox CPU", 1000 * streamed.sandbox_s / QUESTIONS, "ms a question"),
        Figure("CPU of other processes", streamed.others_s / cores, "share", f"{os.cpu_count()} cores"),
        Figure("CPU of other processes, step after step", stepwise.others_s / stepwise_cores, "share"),
        Figure(f"proved arenas, of {QUESTIONS} questions", streamed.arenas, "arenas"),
    ]


def versions(seeds: Sequence[Seed]) -> list[Question]:
    """So many questions out of the recorded ones, each with a number that the server takes off again."""
    asked = cycle([seed for seed in seeds if seed.question])
    return [
        Question(**seed.model_dump(exclude={"id", "question"}), question=version(str(seed.question), number))
        for number, seed in enumerate(islice(asked, QUESTIONS))
    ]


def synthesise(
    questions: Sequence[Question], url: str, sandbox: Sandbox, parts: Sequence[tuple[str, str]]
) -> int:
    """Proved arenas of one run that does the steps in `parts`, each from its first to its last."""
    with tempfile.TemporaryDirectory() as folder:
        arenas = 0
        for first, last in parts:
            settings = ServerSettings(MODEL, (url,))
            arenas = synthesise_arenas(
                questions,
                ServerTeacher(settings, Path(folder) / "teacher.sqlite"),
                sandbox,
                folder,
                from_step=first,
                to_step=last,
                policy=Policy(concurrency=AT_ONCE),
            ).outputs
        return arenas


async def ask_all(prompts: Sequence[str], url: str) -> int:
    """The floor: the same prompts, as many at a time as there are slots, and nothing done with the answers."""
    slots = asyncio.Semaphore(SLOTS)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask(prompt: str) -> None:
            async with slots:
                await client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": prompt}]
                )

        await asyncio.gather(*map(ask, prompts))
    return 0


def run(book: dict[str, str], work: Callable[[str], int]) -> Run:
    """`work` on the address of a server of its own."""
    with serving(book) as url:
        machine, tree, wall, cpu = machine_seconds(), _family(), time.perf_counter(), time.process_time()
        arenas = work(url)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        machine, tree = machine_seconds() - machine, _family() - tree
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/load", timeout=10) as response:
            load = json.load(response)
    return Run(wall, cpu, tree - cpu - load["cpu_s"], machine - tree, load, arenas)


def _family() -> float:
    """CPU of this process, the server and the sandbox."""
    return tree_seconds(os.getpid())


@contextmanager
def serving(book: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.completions_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(book) + "\n")
        server.stdin.flush()
        yield server.stdout.readline().strip()
        server.stdin.close()


if __name__ == "__main__":
    main("synthesis: 500 questions through a server", measure)
