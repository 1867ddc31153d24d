import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_synthesis.mcp import McpSession, SessionFailed
from data_synthesis.records import Reach


@pytest.fixture(scope="module")
def server():
    """The process of a server over HTTP, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(__file__).with_name("http_server.py"))
    process = subprocess.Popen([sys.executable, program, str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield process, f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


def called(reach, name, seconds=10.0, **arguments):
    async def run():
        session = await McpSession.open(reach, 10.0)
        try:
            return await session.tools(10.0), await session.call(name, arguments, seconds, 1000)
        finally:
            await session.close()

    return asyncio.run(run())


def test_a_server_over_http_gets_the_key_that_the_environment_holds(server, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "sesame")
    reach = Reach(kind="http", url=server[1], headers={"X-Key": "Key ${SHOP_KEY} of $$5"})
    tools, result = called(reach, "who")
    assert [tool["name"] for tool in tools] == ["who", "backwards", "slow"]
    assert (result.outcome, result.text) == ("ok", "Key sesame of $5")


def test_a_key_that_is_not_there_is_named(server, monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    with pytest.raises(SessionFailed, match="wants the environment variable SHOP_KEY, which is not set"):
        called(Reach(kind="http", url=server[1], headers={"X-Key": "$SHOP_KEY"}), "who")
    with pytest.raises(SessionFailed, match="header X-Key has a `\\$` that names no environment variable"):
        called(Reach(kind="http", url=server[1], headers={"X-Key": "5 $"}), "who")


def test_a_path_means_what_it_says_on_a_server_elsewhere(server):
    result = called(Reach(kind="http", url=server[1]), "backwards", text="/workspace/a")[1]
    assert result.text[::-1] == "/workspace/a"


def test_a_call_over_http_has_a_deadline(server):
    assert called(Reach(kind="http", url=server[1]), "slow", seconds=0.5)[1].outcome == "timeout"


def test_no_server_and_one_that_dies_are_one_sentence_each(server):
    with pytest.raises(SessionFailed):
        called(Reach(kind="http", url="http://127.0.0.1:9/mcp"), "who")

    async def run():
        session = await McpSession.open(Reach(kind="http", url=server[1]), 10.0)
        try:
            server[0].kill()
            server[0].wait()
            return await session.call("who", {}, 5.0, 1000)
        finally:
            await session.close()

    try:
        outcome = asyncio.run(run()).outcome
    except SessionFailed:
        outcome = "session failed"
    assert outcome in ("timeout", "error", "session failed")
