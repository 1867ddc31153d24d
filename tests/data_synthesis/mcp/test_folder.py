import os
import signal
import subprocess
import sys
import tempfile

import pytest

from data_synthesis.mcp import SessionPool, WorkingFolder
from data_synthesis.mcp.processes import MARK


@pytest.fixture
def folder():
    made = WorkingFolder()
    yield made
    made.remove()


def test_what_is_shown_is_meant_again(folder):
    path = str(folder.path)
    said = {path: [f"file://{path}/a", f"--out={path}/b", 5, None], "b": {"c": f"cd {path}; ls"}}
    seen = folder.shown_in(said)
    assert seen == {
        "/workspace": ["file:///workspace/a", "--out=/workspace/b", 5, None],
        "b": {"c": "cd /workspace; ls"},
    }
    assert folder.meant(seen) == said


def test_the_folders_name_is_not_shown_either(folder):
    assert folder.shown(f"On the drive: {folder.path.name}") == "On the drive: workspace"


def test_a_server_elsewhere_has_paths_of_its_own():
    folder = WorkingFolder(aliased=False)
    try:
        assert folder.meant({"path": "/workspace/a"}) == {"path": "/workspace/a"}
        assert folder.shown(str(folder.path)) == str(folder.path)
    finally:
        folder.remove()


def test_what_is_removed_before_it_is_filled_stays_removed(tmp_path):
    (tmp_path / "a").write_text("a")
    folder = WorkingFolder(str(tmp_path))
    folder.remove()
    with pytest.raises(OSError, match="gone"):
        folder.fill()
    assert not folder.path.exists()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_pool_removes_what_owners_left_that_are_gone(temporary):
    owner = subprocess.Popen([sys.executable, "-c", ""])
    owner.wait()
    left = temporary / f"astra-mcp-{owner.pid}-abc"
    left.mkdir()
    (left / "file").write_text("a")
    stubborn = subprocess.Popen(["sleep", "300"], env={**os.environ, MARK: str(left)}, start_new_session=True)
    kept = [temporary / name for name in (f"astra-mcp-{os.getpid()}-abc", "astra-mcp-abc", "other")]
    for path in kept:
        path.mkdir()
    try:
        SessionPool(1.0)
        assert sorted(temporary.iterdir()) == sorted(kept)
        assert stubborn.wait(60) == -signal.SIGKILL
    finally:
        stubborn.kill()
        stubborn.wait()
