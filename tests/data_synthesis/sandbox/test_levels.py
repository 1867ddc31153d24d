"""The ladder of confinement: the strongest level that works is taken, stated, and never below the minimum."""

from __future__ import annotations

import logging
import os
import shutil

import pytest

from data_synthesis.sandbox import ConfinementLevel, LocalSandbox, SandboxUnavailable, bubblewrap, warm

NO_LANDLOCK = warm._BOOT.replace(
    "from inside.zygote", "import inside.landlock; inside.landlock._CREATE_RULESET = 9999; from inside.zygote"
)
NO_FILTER = warm._BOOT.replace(
    "from inside.zygote",
    "import inside.seccomp; inside.seccomp.program = lambda _: bytes(8); from inside.zygote",
)
PING = {"ping": "def ping():\n    return 'pong'"}


@pytest.fixture
def no_bubblewrap(monkeypatch):
    missing = bubblewrap.Bubblewrap("", "bubblewrap (`bwrap`) is not installed")
    monkeypatch.setattr(bubblewrap, "probe", lambda: missing)


def test_a_level_that_can_be_had_is_had_and_said(each_level):
    assert f"level {each_level.level.value} {each_level.level.name}:" in each_level.describe()
    assert os.uname().release in each_level.describe()
    with each_level.open(PING) as session:
        assert session.call("ping", {}) == "pong"


def test_the_level_is_logged_at_start(caplog):
    with caplog.at_level(logging.INFO), LocalSandbox() as sandbox:
        assert sandbox.describe() in caplog.messages


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_bubblewrap_is_run_from_where_it_was_found(tmp_path, monkeypatch):
    """Here by a relative path, in a folder where nobody else would look."""
    (tmp_path / "tools").mkdir()
    log = tmp_path / "log"
    script = f'#!/bin/sh\necho >>"{log}"\nexec {shutil.which("bwrap")} "$@"\n'
    (tmp_path / "tools" / "bwrap").write_text(script)
    (tmp_path / "tools" / "bwrap").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "tools")
    found = bubblewrap.probe.__wrapped__()
    if found.problem:
        pytest.skip("bubblewrap does not work here")
    monkeypatch.setattr(bubblewrap, "probe", lambda: found)
    probed = len(log.read_text())
    with LocalSandbox(ConfinementLevel.NAMESPACES) as sandbox, sandbox.open(PING) as session:
        assert session.call("ping", {}) == "pong"
    assert len(log.read_text()) > probed


def test_without_bubblewrap_the_ladder_goes_one_down(no_bubblewrap):
    with LocalSandbox() as sandbox:
        assert sandbox.level <= ConfinementLevel.LANDLOCK
        assert "; not NAMESPACES: bubblewrap (`bwrap`) is not installed" in sandbox.describe()


def test_without_landlock_the_filter_alone_confines(no_bubblewrap, monkeypatch):
    monkeypatch.setattr(warm, "_BOOT", NO_LANDLOCK)
    with LocalSandbox() as sandbox, sandbox.open(PING) as session:
        assert sandbox.level == ConfinementLevel.SECCOMP
        assert session.call("ping", {}) == "pong"


def test_below_the_minimum_it_refuses_and_says_why(no_bubblewrap, monkeypatch):
    with pytest.raises(SandboxUnavailable, match=r"from level NAMESPACES up.*not installed.*RemoteSandbox"):
        LocalSandbox(ConfinementLevel.NAMESPACES)
    monkeypatch.setattr(warm, "_BOOT", NO_LANDLOCK)
    with pytest.raises(SandboxUnavailable, match=r"from level LANDLOCK up.*LANDLOCK: .*no Landlock"):
        LocalSandbox(ConfinementLevel.LANDLOCK)


def test_without_a_filter_it_refuses_unless_none_is_asked_for(no_bubblewrap, monkeypatch):
    monkeypatch.setattr(warm, "_BOOT", NO_FILTER)
    with pytest.raises(SandboxUnavailable, match="SECCOMP"):
        LocalSandbox()
    with LocalSandbox(ConfinementLevel.NONE) as sandbox:
        assert sandbox.level == ConfinementLevel.NONE


def test_no_confinement_is_warned_of(caplog):
    with LocalSandbox(ConfinementLevel.NONE, maximum=ConfinementLevel.NONE) as sandbox:
        assert "NO CONFINEMENT" in sandbox.describe()
    assert [r.levelname for r in caplog.records] == ["WARNING"]


def test_a_machine_without_a_table_of_calls_is_named(monkeypatch):
    strange = "import os; os.uname = lambda: os.uname_result(['Linux', 'host', '6', '1', 'vax']); "
    monkeypatch.setattr(warm, "_BOOT", strange + warm._BOOT)
    with pytest.raises(SandboxUnavailable, match="no table of system calls for vax"):
        LocalSandbox()


def test_an_interpreter_that_does_not_start_says_its_last_word(monkeypatch):
    monkeypatch.setattr(warm, "_BOOT", "raise SystemExit('no such luck')")
    with pytest.raises(SandboxUnavailable, match="did not start: no such luck"):
        LocalSandbox()
