"""A real server of ours; relays between it and a client, which can fail; a server that says what it is told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.inference.engine import JaxEngine
from astra_jax.inference.interface import Completion, Sampling
from astra_jax.inference.sglang.engine import ServerEngine
from astra_jax.inference.sglang.settings import ServerSettings
from astra_jax.inference.sglang.weights import WeightFolders
from astra_jax.training.state import join_model, split_model
from tests.astra_jax.inference.server.conftest import SIZE, model_in, serving

IDS = [270, 271, 272, 273]
CONTEXT, VOCABULARY = 512, 301  # at most what the servers have
QUICK: dict[str, Any] = {"watch_s": 0.1, "patience_s": 20.0, "backoff_s": 0.05}


class Relay:
    """Passes bytes between clients and a server, until it is told otherwise."""

    def __init__(self, address: str):
        self._to = address.removeprefix("http://").split(":")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._open: set[asyncio.StreamWriter] = set()
        self._passes = asyncio.Event()
        self._do(self._start(0))
        self.address = f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        """As a server that was killed: connections break, and new ones are refused."""
        self._do(self._stop())

    def silence(self) -> None:
        """As a host that is lost: nothing breaks, and nothing comes."""
        self._passes.clear()

    def restore(self) -> None:
        self._do(self._stop())
        self._do(self._start(self._port))

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self, port: int) -> None:
        self._passes.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(*self._to)
        self._open |= {writer, onward}
        await asyncio.gather(self._pass(reader, onward), self._pass(there, writer), return_exceptions=True)
        self._open -= {writer, onward}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._passes.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


class StandIn:
    """A server whose replies are given, by path: a value, or a function of the body. It keeps all requests."""

    def __init__(self, replies: dict[str, Any]):
        self.asked: list[tuple[str, Any]] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null"))

            def _answer(self, body: Any) -> None:
                stand_in.asked.append((self.path, body))
                reply = replies.get(self.path)
                reply = reply(body) if callable(reply) else reply
                status, value = reply if isinstance(reply, tuple) else (404 if reply is None else 200, reply)
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly(compile_quickly):
    pass


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return model_in(tmp_path_factory.mktemp("served"), 0)


@pytest.fixture(scope="session")
def other(tmp_path_factory) -> Path:
    """Other weights of the same model."""
    return model_in(tmp_path_factory.mktemp("other"), 1)


@pytest.fixture(scope="module")
def server(folder):
    """The address of a server over `folder`, and what it knows."""
    with serving(folder) as running:
        yield running


@pytest.fixture
def relays(server) -> tuple[Relay, Relay]:
    return Relay(server[0]), Relay(server[0])


@pytest.fixture
def connected() -> Iterator[Callable[..., ServerEngine]]:
    """Makes engines over servers, which are closed at the end."""
    engines: list[ServerEngine] = []

    def make(*urls: str, folders: WeightFolders | None = None, **changes: Any) -> ServerEngine:
        fields: dict[str, Any] = {"context": CONTEXT, "vocab_size": VOCABULARY} | QUICK | changes
        engines.append(ServerEngine(ServerSettings(urls, **fields), folders))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def weights_of(folder: Path) -> Any:
    return split_model(import_model(folder))[1]


def folders_in(directory: Path, of: Path, **changes: Any) -> WeightFolders:
    """For weights of the model in `of`."""
    graph = split_model(import_model(of))[0]

    def export(weights: Any, to: Path) -> None:
        export_model(join_model(graph, weights), to, tokenizer_dir=of)

    return WeightFolders(directory, export, **changes)


def direct(folder: Path) -> Callable[..., Completion]:
    """Completions of an engine in this process."""
    engine = JaxEngine(import_model(folder), SIZE)

    def complete(ids: list[int], sampling: Sampling) -> Completion:
        return asyncio.run(engine.generate(ids, sampling))

    return complete


@contextmanager
def in_thread(act: Callable[..., Any], *arguments: Any) -> Iterator[list[Any]]:
    """`act` runs beside what is done inside; after it, the list has its result. Raises what it raised."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(partial(act, *arguments)())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield results
    thread.join(60)
    for error in errors:
        raise error
