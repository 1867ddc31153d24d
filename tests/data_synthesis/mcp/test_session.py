import asyncio
import json
import os
import time

import pytest

from data_synthesis.mcp import McpSession, SessionFailed
from data_synthesis.records import Reach


def with_session(reach, work, deadline=20.0):
    """What `work` makes of a session, and the session's folder."""

    async def run():
        session = await McpSession.open(reach, deadline)
        try:
            return await work(session), session.folder.path
        finally:
            await session.close()
            await session.close()

    return asyncio.run(run())


def call(name, seconds=10.0, most_chars=1000, **arguments):
    return lambda session: session.call(name, arguments, seconds, most_chars)


@pytest.mark.parametrize("ways", [(), ("banner",), ("flood",), ("banner", "flood")])
def test_noise_around_a_server_is_no_harm(reach, ways):
    result, folder = with_session(reach(*ways), call("echo", text="hello"))
    assert (result.outcome, result.text) == ("ok", "hello")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("ways", "why"),
    [("hang", "did not greet within"), ("non_json", "did not greet within"), ("exit", "does not start")],
)
def test_a_server_that_never_greets_is_given_up_in_time(reach, ways, why):
    start = time.monotonic()
    with pytest.raises(SessionFailed, match=why):
        with_session(reach(ways), call("echo"), deadline=2.0)
    assert time.monotonic() - start < 30


def test_a_command_that_is_none_is_one_sentence():
    with pytest.raises(SessionFailed, match=r"does not start.*no-such-command"):
        with_session(Reach(kind="stdio", command=["no-such-command"]), call("echo"))


def test_death_in_a_call_is_the_sessions_end(reach):
    async def die(session):
        with pytest.raises(SessionFailed, match="died in the call of die"):
            await session.call("die", {}, 10.0, 100)
        with pytest.raises(SessionFailed):
            await session.call("echo", {"text": "a"}, 10.0, 100)

    with_session(reach(), die)


def test_a_tool_that_never_answers_times_out(reach):
    result, _ = with_session(reach(), call("sleep", seconds=0.5))
    assert result.outcome == "timeout"


@pytest.mark.parametrize(
    ("name", "outcome"), [("fail", "error"), ("rubbish", "not_protocol"), ("big", "oversized")]
)
def test_each_bad_answer_is_an_outcome_of_its_own(reach, name, outcome):
    async def work(session):
        bad = await session.call(name, {}, 20.0, 1000)
        return bad, await session.call("echo", {"text": "still here"}, 10.0, 1000)

    (bad, after), _ = with_session(reach(), work)
    assert bad.outcome == outcome
    assert len(bad.text) < 1100
    assert after.text == "still here"


def test_what_a_server_lists_is_handed_on_as_it_is(reach):
    twice, _ = with_session(reach("twice"), lambda session: session.tools(10.0))
    assert [tool["name"] for tool in twice] == ["echo", "echo"]
    listed, _ = with_session(reach(), lambda session: session.tools(10.0))
    assert listed[0]["inputSchema"]["required"] == ["text"]


def test_a_bad_tool_is_no_harm_to_the_others(reach):
    listed, _ = with_session(reach("no_schema"), lambda session: session.tools(10.0))
    assert listed == [{"name": "echo"}, 5, *listed[2:]]
    assert listed[2]["name"] == "note"


def test_paths_of_the_folder_stay_inside_the_session(reach):
    async def work(session):
        there = await session.call("where", {"text": "/workspace/a.txt /workspaces /x/workspace"}, 10.0, 1000)
        return json.loads(there.text), str(session.folder.path)

    ((shown, got), path), _ = with_session(reach(), work)
    assert shown == "/workspace"
    # The tool spells what it got backwards, so that it comes back as it was sent.
    assert got[::-1] == f"{path}/a.txt /workspaces /x/workspace"


def test_each_session_has_a_copy_of_the_seed_and_keys_stay_here(reach, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "abc")
    (tmp_path / "begin.txt").write_text("as it was")
    seeded = reach(seed=str(tmp_path))

    async def work(session):
        await session.call("note", {"text": "changed"}, 10.0, 100)
        return sorted(path.name for path in session.folder.path.iterdir())

    names, _ = with_session(seeded, work)
    assert names == ["begin.txt", "note.txt"]
    assert os.listdir(tmp_path) == ["begin.txt"]
    shows = Reach(kind="stdio", command=["sh", "-c", 'env > "$0/env"; exec cat', "{folder}"])

    async def env(session):
        return None

    with pytest.raises(SessionFailed):
        with_session(shows, env, deadline=1.0)


def test_a_session_that_is_cancelled_leaves_no_process(reach):
    async def run():
        opening = asyncio.create_task(McpSession.open(reach("hang"), 60.0))
        await asyncio.sleep(0.5)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    asyncio.run(run())
    running = [
        pid for pid in filter(str.isdigit, os.listdir("/proc")) if b"bad_server.py\0hang" in _command(pid)
    ]
    assert running == []


def _command(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""
