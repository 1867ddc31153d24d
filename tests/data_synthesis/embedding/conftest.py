from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_synthesis.embedding.server import EmbeddingServer, ServerEmbedder

sys.path.insert(0, str(Path(__file__).parents[1] / "teacher" / "server"))  # for the scripted server

from scripted_server import Answer, Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def make_embedder(server) -> Callable[..., ServerEmbedder]:
    def make(*script: Answer, **settings: Any) -> ServerEmbedder:
        server.script[:] = script
        return ServerEmbedder(
            EmbeddingServer(**{"model": "small", "base_url": server.url, "deadline_s": 10.0, **settings})
        )

    return make
