from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astra_jax.evaluation.bfcl import world as bfcl_world
from astra_jax.evaluation.tau2 import world as tau2_world

# For the scripted server.
sys.path.insert(0, str(Path(__file__).parents[2] / "data_synthesis" / "teacher" / "server"))

from scripted_server import Handler, Server, says

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    for version, package in bfcl_world.PACKAGES.items():
        monkeypatch.setitem(bfcl_world.PACKAGES, version, package._replace(script=HERE / "toy_bfcl.py"))
    monkeypatch.setattr(tau2_world, "_SCRIPT", HERE / "toy_tau2.py")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        server.script[:] = [adds]
        # It looks twice a second by default whether it is to end.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def adds(handler: Handler) -> None:
    """Adds as it is asked to: a call, then words."""
    last = handler.body["messages"][-1]
    if last["role"] == "tool":
        return says("Done.")(handler)
    arguments = json.dumps({"n": int(re.findall(r"Add (\d+)", last["content"])[0])})
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": arguments}}
    return says(None, tool_calls=[call])(handler)


@pytest.fixture
def command(server, tmp_path) -> Callable[..., list[str]]:
    """The arguments of `astra eval bfcl` with the server's model, and more fields of the configuration."""

    def make(*flags: str, **fields: object) -> list[str]:
        given = {"model": "small", "server.base_urls": (server.url,), **fields}
        given |= {"python": sys.executable, "out_dir": fields.get("out_dir", tmp_path / "run")}
        return ["eval", "bfcl", *flags, *(f"--config.{key}={value}" for key, value in given.items())]

    return make
