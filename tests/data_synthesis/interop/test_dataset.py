"""A data set's folder gives back its arenas, loads with Hugging Face `datasets`, and is never half there."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import pytest
import upstream_cases as cases
from arena_strategy import arenas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_synthesis.arenas import to_rl_row
from data_synthesis.arenas.rl_rows import NotARow
from data_synthesis.interop import read_any, read_arenas, read_dataset, write_dataset
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import Arena, BadRecord, FollowUp

TRIP, FARES = (arena_of(Instance.model_validate(record)) for record in (cases.step_4(), cases.step_5()))
VARIANT = FARES.model_copy(
    update={
        "id": "v",
        "variant": "missing_function",
        "follow_ups": [FollowUp(content="Now.", reveals=["fare"])],
    }
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(arenas(), min_size=1, max_size=5), st.lists(arenas(), max_size=2))
def test_a_folder_gives_back_its_arenas(tmp_path_factory, train, held_out):
    out = tmp_path_factory.mktemp("data") / "set"
    tally = write_dataset(train, out, held_out=held_out)
    assert tally.arenas == len(train) + len(held_out)
    assert list(read_dataset(out, "train")) == sorted(train, key=lambda arena: bool(arena.follow_ups))
    assert len(list(read_dataset(out))) == len(train) + len(held_out)
    assert len(list(read_any(out))) == len(train) + len(held_out)


def test_large_splits_are_sharded_and_keep_their_order(tmp_path):
    many = [TRIP.model_copy(update={"id": str(i)}) for i in range(20)]
    write_dataset(many, tmp_path / "set", shard_bytes=20_000)
    names = sorted(path.name for path in (tmp_path / "set" / "data").iterdir())
    assert len(names) > 2
    assert names == [f"train-{i:05}-of-{len(names):05}.parquet" for i in range(len(names))]
    assert list(read_dataset(tmp_path / "set")) == many


def test_the_same_arenas_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_dataset([TRIP, VARIANT], tmp_path / name / "set")
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("one", "two"))
    assert one == two


def test_it_loads_with_hugging_face_datasets(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the extra `dev` brings Hugging Face datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    many = [TRIP.model_copy(update={"id": str(i)}) for i in range(20)]
    write_dataset([*many, VARIANT], tmp_path / "set", held_out=[FARES], shard_bytes=20_000)
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 20, "held_out": 1}
    assert loaded["train"]["id"] == [str(i) for i in range(20)]
    row = loaded["held_out"][0]
    assert {name: row[name] for name in to_rl_row(FARES)} == to_rl_row(FARES)
    assert json.loads(row["gold_calls"])[1]["arguments"] == {"vehicle": "car"}
    assert (row["proved"], row["n_gold"], row["domain"]) == (None, 2, "travel")
    variants = datasets.load_dataset(str(tmp_path / "set"), "variants", cache_dir=str(tmp_path / "cache"))
    assert variants["train"]["variant"] == ["missing_function"]


def test_rows_written_again_by_others_are_read(tmp_path):
    """As JSON lines, which `datasets` writes, and as Parquet of the four columns alone."""
    parquet = pytest.importorskip("pyarrow.parquet")
    write_dataset([TRIP], tmp_path / "set")
    table = parquet.read_table(tmp_path / "set" / "data" / "train.parquet")
    (tmp_path / "rows.jsonl").write_text(cases.jsonl(*table.to_pylist()))
    assert list(read_any(tmp_path / "rows.jsonl")) == [TRIP]
    parquet.write_table(
        table.select(["prompt", "tool_schema", "tool_dict", "sub_qa_dict"]), tmp_path / "rl.parquet"
    )
    (row,) = read_arenas(tmp_path / "rl.parquet")
    assert to_rl_row(row) == to_rl_row(TRIP)


def test_an_arena_that_no_row_can_carry_is_refused(tmp_path):
    twice = TRIP.model_copy(update={"distractors": [TRIP.tools[0].model_copy(update={"source": "x = 1"})]})
    with pytest.raises(NotARow, match="share the name find_first_ferry"):
        write_dataset([FARES, twice], tmp_path / "set")
    assert not (tmp_path / "set").exists()
    refused: list[NotARow] = []
    assert write_dataset([FARES, twice], tmp_path / "set", refused=refused).arenas == 1
    assert [(no.arena_id, no.reason) for no in refused] == [(twice.id, "duplicate_tool_name")]


def test_an_older_data_set_is_replaced_and_nothing_else(tmp_path):
    out = tmp_path / "set"
    write_dataset([TRIP, VARIANT], out, held_out=[FARES])
    write_dataset([FARES], out)
    assert list(read_dataset(out)) == [FARES]
    for other in (out / "notes.txt", out / "data" / "notes.txt"):
        other.write_text("mine")
        with pytest.raises(PipelineError, match=r"notes\.txt"):
            write_dataset([TRIP], out)
        assert other.read_text() == "mine"
        other.unlink()
    with pytest.raises(PipelineError, match="is no folder"):
        write_dataset([TRIP], out / "README.md")


def test_a_run_that_breaks_off_leaves_the_older_data_set(tmp_path):
    def breaking():
        yield from [TRIP] * 100
        raise BadRecord(Path("x"), 2, "", "is torn")

    out = tmp_path / "set"
    write_dataset([FARES], out)
    with pytest.raises(BadRecord):
        write_dataset(breaking(), out)
    with pytest.raises(PipelineError, match="there is no arena"):
        write_dataset([], out)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert list(read_dataset(out)) == [FARES]
    write_dataset([TRIP], out)
    assert list(read_dataset(out)) == [TRIP]


def test_a_damaged_file_is_named_and_the_next_is_read(tmp_path):
    many = [TRIP.model_copy(update={"id": str(i)}) for i in range(20)]
    write_dataset(many, tmp_path / "set", shard_bytes=20_000)
    first = min((tmp_path / "set" / "data").iterdir())
    first.write_bytes(first.read_bytes()[:1000])
    rejects: list[BadRecord] = []
    assert 0 < len(list(read_dataset(tmp_path / "set", rejects=rejects))) < 20
    assert [(bad.path, bad.line) for bad in rejects] == [(first, 1)]
    assert "is not Parquet that can be read" in rejects[0].problem


def test_a_missing_split_or_folder_is_named(tmp_path):
    write_dataset([TRIP], tmp_path / "set")
    with pytest.raises(FileNotFoundError, match="held_out"):
        list(read_dataset(tmp_path / "set", "held_out"))
    with pytest.raises(FileNotFoundError):
        list(read_dataset(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no Parquet"):
        list(read_any(tmp_path / "empty"))


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PipelineError, match=r"pip install 'astra-jax\[synthesis\]'"):
        write_dataset([TRIP], tmp_path / "set")
    with pytest.raises(PipelineError, match=r"astra-jax\[synthesis\]"):
        list(read_any(tmp_path / "rows.parquet"))


def test_every_written_arena_is_the_one_that_was_given(tmp_path):
    write_dataset([TRIP, FARES], tmp_path / "set")
    assert [arena.id == arena.content_id() for arena in read_dataset(tmp_path / "set")] == [True, True]
    assert all(isinstance(arena, Arena) for arena in read_dataset(tmp_path / "set"))
