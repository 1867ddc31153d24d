"""`astra serve` as a process, and the clients of this project against it."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Literal

from pydantic import BaseModel

from data_synthesis.teacher.interface import Prompt
from data_synthesis.teacher.server import ServerSettings, ServerTeacher


class Verdict(BaseModel):
    verdict: Literal["yes", "no"]
    score: Literal[1, 2, 3]


def test_the_synthesis_teacher_gets_answers_that_validate(address, tmp_path):
    settings = ServerSettings(model="tiny", base_urls=(f"{address}/v1",), max_tokens=100)

    async def ask():
        async with ServerTeacher(settings, tmp_path / "ledger.sqlite") as teacher:
            words = "Is $number even?"
            prompts = [Prompt("verdict", "1", {"number": i}, Verdict, template=words) for i in range(3)]
            return await asyncio.gather(*map(teacher.ask, prompts))

    assert all(isinstance(reply, Verdict) for reply in asyncio.run(ask()))


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def test_on_sigterm_what_is_under_way_is_answered_and_nothing_new_is_taken(served):
    port = free_port()
    flags = ["--port", str(port), "--slots", "2", "--context", "1024", "--model", "tiny"]
    main = "import sys; from astra_jax.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "serve", str(served), *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 120
        while not healthy(address):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.1)
        lines = streamed(address, 900)
        next(lines)  # compiled, and on its way
        process.send_signal(signal.SIGTERM)
        refused = threading.Event()
        threading.Thread(target=lambda: until_refused(port, refused), daemon=True).start()
        replies = list(lines)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    assert replies[-1]["meta_info"]["completion_tokens"] == 900
    assert refused.wait(5)


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
    except OSError:
        return False


def until_refused(port: int, refused: threading.Event) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            refused.set()
            return
        time.sleep(0.05)


def streamed(address: str, tokens: int):
    params = {"max_new_tokens": tokens, "ignore_eos": True, "sampling_seed": 1}
    body = {"input_ids": [1, 2, 3], "stream": True, "sampling_params": params}
    request = urllib.request.Request(f"{address}/generate", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=120) as answer:
        for line in answer:
            if line.startswith(b"data: {"):
                yield json.loads(line.removeprefix(b"data: "))
