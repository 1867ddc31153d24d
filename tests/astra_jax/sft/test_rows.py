import io
import json
import os

import numpy as np
import pytest

import astra_jax.sft.data as data
from astra_jax.sft.data import RowPolicy, load_rows
from astra_jax.sft.rows import Rows, RowWriter
from astra_jax.sft.sources import Source
from astra_jax.tokens.parallel import tokenise_all
from astra_jax.tokens.rows import TokenRow, Turn
from astra_jax.tokens.templates import CHATML, QWEN3
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.settings import BadSetting
from data_synthesis.records import BadRecord

POLICY = RowPolicy(1000)


@pytest.fixture
def load(data_path, tokenizer_dir, tmp_path):
    def load(path=data_path, format=QWEN3, policy=POLICY, processes=1):
        tokenizer = Tokenizer(tokenizer_dir)
        return load_rows(Source("x", path), tokenizer, format, policy, tmp_path / "c", processes=processes)

    return load


@pytest.fixture
def counted(monkeypatch):
    """How often rows were tokenised."""
    calls = []
    monkeypatch.setattr(data, "tokenise_all", lambda *args: calls.append(1) or tokenise_all(*args))
    return calls


def contents(rows):
    return [(sample.tokens.tolist(), sample.loss_weights.tolist()) for sample in rows]


def test_rows_are_tokenised_once_for_all_that_decides_about_them(load, counted, tmp_path, data_path):
    first, report = load()
    again, same = load()
    assert contents(first) == contents(again)
    assert (report, len(counted)) == (same, 1)
    load(format=CHATML)
    load(format=QWEN3.with_thinking("off"))
    load(policy=RowPolicy(999))
    (tmp_path / "copy.jsonl").write_bytes(data_path.read_bytes())
    load(path=tmp_path / "copy.jsonl")
    assert len(counted) == 4
    (tmp_path / "copy.jsonl").write_bytes(data_path.read_bytes()[1:].split(b"\n", 1)[1])
    load(path=tmp_path / "copy.jsonl")
    assert len(counted) == 5


@pytest.mark.parametrize("name", ["ids", "turns", "report.json"])
def test_a_torn_cache_is_made_again(load, counted, tmp_path, name):
    before = contents(load()[0])
    (folder,) = (tmp_path / "c").iterdir()
    file = folder / name
    os.truncate(file, file.stat().st_size - 4)
    assert contents(load()[0]) == before
    assert len(counted) == 2
    (folder / name).unlink()
    assert contents(load()[0]) == before
    assert len(counted) == 3


def test_what_a_killed_process_left_is_no_cache(tmp_path):
    writer = RowWriter(tmp_path / "key")
    writer.add(TokenRow([1, 2, 3], [Turn(1, 3, 1.0)]))
    assert Rows.open(tmp_path / "key") is None
    writer.finish({})
    assert contents(Rows.open(tmp_path / "key")) == [([1, 2, 3], [0.0, 1.0, 1.0])]
    again = RowWriter(tmp_path / "key")
    again.add(TokenRow([1, 2, 3], [Turn(1, 3, 1.0)]))
    again.finish({})  # of a run that was slower, and leaves what is there
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_source_that_is_written_to_while_it_is_read_leaves_no_cache(load, tmp_path, data_path, monkeypatch):
    path = tmp_path / "growing.jsonl"
    path.write_bytes(data_path.read_bytes())

    def tokenise(*args):
        yield from tokenise_all(*args)
        path.write_bytes(data_path.read_bytes() * 2)

    monkeypatch.setattr(data, "tokenise_all", tokenise)
    with pytest.raises(BadSetting, match=r"growing.jsonl was written to while its rows were read"):
        load(path)
    assert list((tmp_path / "c").iterdir()) == []


def test_a_full_disk_is_said_with_the_folder_and_leaves_nothing(load, tmp_path, monkeypatch):
    class OnAFullDisk(RowWriter):
        def __init__(self, folder):
            super().__init__(folder)
            self._files["ids"] = io.BufferedWriter(io.FileIO("/dev/full", "w"))

    monkeypatch.setattr(data, "RowWriter", OnAFullDisk)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}/c/"):
        load()
    assert list((tmp_path / "c").iterdir()) == []


def test_several_processes_give_what_one_gives(load, tmp_path, data_path, monkeypatch):
    path = tmp_path / "many.jsonl"
    lines = data_path.read_text().splitlines() * 16  # more than one chunk
    lines[600] = '{"messages": 7}'
    path.write_text("\n".join(lines) + "\n")
    policy = RowPolicy(1000, bad_rows="skip")
    alone, report = load(path, policy=policy, processes=1)
    (folder,) = (tmp_path / "c").iterdir()
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "report.json").unlink()
    load(path, policy=policy, processes=2)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept
    assert len(report.bad) == 1
    assert "many.jsonl:601: field `messages`" in report.bad[0]
    (folder / "report.json").unlink()
    with pytest.raises(BadRecord, match=r"many.jsonl:601"):
        load(path, processes=2)
    assert alone.lengths == [len(sample) for sample in alone]
    assert json.loads(kept["report.json"])["report"]["rows"] == len(alone) == 639
    assert np.sum(alone.lengths) == report.tokens
