import asyncio
import glob
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from data_synthesis.mcp import McpSession, SessionFailed, WorkingFolder
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


def test_a_tools_own_error_is_no_dead_server_whatever_it_says(reach):
    async def work(session):
        refused = await session.call("refuse", {}, 10.0, 1000)
        return refused, await session.call("echo", {"text": "still here"}, 10.0, 1000)

    (refused, after), _ = with_session(reach(), work)
    assert (refused.outcome, refused.text) == ("error", "Error: Connection closed")
    assert after.text == "still here"


def test_what_is_cut_says_in_front_how_long_it_was(reach):
    result, _ = with_session(reach(), call("big", most_chars=5))
    assert result.text == "[the first 5 of 10000000 characters]\nxxxxx"


def test_a_resource_that_is_text_is_read(reach):
    result, _ = with_session(reach(), call("resource", text="what is in it"))
    assert (result.outcome, result.text) == ("ok", "what is in it")


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


def test_tools_are_listed_without_the_path_of_the_folder(reach):
    (tool,), _ = with_session(reach("paths"), lambda session: session.tools(10.0))
    assert tool == {
        "name": "read",
        "description": "Reads below /workspace only.",
        "inputSchema": {"type": "object", "properties": {"/workspace": {"enum": ["/workspace/a"]}}},
    }


def test_keys_stay_here(reach, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "abc")
    result, _ = with_session(reach(), call("env", most_chars=10_000))
    seen = json.loads(result.text)
    assert seen["HOME"] == "/workspace"
    assert "SECRET_KEY" not in seen


def test_each_session_has_a_copy_of_the_seed(reach, tmp_path):
    (tmp_path / "begin.txt").write_text("as it was")
    seeded = reach(seed=str(tmp_path))

    async def work(session):
        await session.call("note", {"text": "changed"}, 10.0, 100)
        return sorted(path.name for path in session.folder.path.iterdir())

    names, _ = with_session(seeded, work)
    assert names == ["begin.txt", "note.txt"]
    assert os.listdir(tmp_path) == ["begin.txt"]


def test_a_seed_that_is_not_there_is_one_sentence(reach, tmp_path):
    with pytest.raises(SessionFailed, match="no folder to work in"):
        with_session(reach(seed=str(tmp_path / "none")), call("echo", text="a"))


def test_a_big_seed_holds_up_nobody_else_and_not_beyond_the_deadline(reach, tmp_path, monkeypatch):
    for number in range(30):
        (tmp_path / str(number)).write_text("a")
    copy = shutil.copy2

    def slow(*paths, **how):
        time.sleep(0.1)
        return copy(*paths, **how)

    monkeypatch.setattr(shutil, "copy2", slow)
    folders = mine()

    async def run():
        opening = asyncio.create_task(McpSession.open(reach(seed=str(tmp_path)), 0.5))
        ticks = 0
        while not opening.done():
            await asyncio.sleep(0.02)
            ticks += 1
        with pytest.raises(SessionFailed, match=r"within 0\.5 s"):
            await opening
        return ticks

    start = time.monotonic()
    assert asyncio.run(run()) > 10
    assert time.monotonic() - start < 2.5
    assert mine() == folders


@pytest.mark.parametrize("text", ["here", "away", "bare"])
def test_what_a_call_started_ends_with_the_session(reach, text):
    result, _ = with_session(reach(), call("child", text=text))
    assert not running(int(result.text))


def test_who_is_cancelled_while_closing_leaves_nothing(reach, monkeypatch):
    remove = WorkingFolder.remove
    monkeypatch.setattr(WorkingFolder, "remove", lambda folder: [time.sleep(0.5), remove(folder)])

    async def run():
        session = await McpSession.open(reach(), 20.0)
        pid = int((await session.call("pid", {}, 10.0, 100)).text)
        closing = asyncio.create_task(session.close())
        for _ in range(3):
            await asyncio.sleep(0.02)
            closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        return session.folder.path.exists(), running(pid)

    assert asyncio.run(run()) == (False, False)


def test_a_loop_that_ends_while_a_session_closes_leaves_no_folder(reach):
    async def run():
        session = await McpSession.open(reach(), 20.0)
        closing = asyncio.create_task(session.close())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return closing, session.folder.path

    assert not asyncio.run(run())[1].exists()


def test_a_session_that_is_cancelled_leaves_no_process(reach, tmp_path):
    async def run():
        opening = asyncio.create_task(McpSession.open(reach("hang", str(tmp_path)), 60.0))
        await asyncio.sleep(0.5)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    asyncio.run(run())
    assert [pid for pid in filter(str.isdigit, os.listdir("/proc")) if _started_with(pid, tmp_path)] == []


def mine() -> set[str]:
    return set(glob.glob(f"{tempfile.gettempdir()}/astra-mcp-{os.getpid()}-*"))


def running(pid: int) -> bool:
    """What is killed stays in the list until its parent looks."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _started_with(pid: str, argument: Path) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return str(argument).encode() in file.read()
    except OSError:
        return False
