from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_synthesis.teacher.server import ServerSettings, ServerTeacher

sys.path.insert(0, str(Path(__file__).parent))  # for the scripted server

from scripted_server import Answer, Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


@pytest.fixture
def make_teacher(server, tmp_path) -> Callable[..., ServerTeacher]:
    def make(*script: Answer, **settings: Any) -> ServerTeacher:
        server.script[:] = script
        quick = {"base_urls": (server.url,), "deadline_s": 5.0, "backoff_s": 0.01, **settings}
        return ServerTeacher(ServerSettings("small", **quick), tmp_path / "teacher.sqlite")

    return make
