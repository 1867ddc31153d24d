"""A data set gives back its records, loads with Hugging Face `datasets`, and its card says what may be believed."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from row_strategy import run, runs, trajectories

from data_synthesis.pipeline import Funnel, PipelineError, Rejected, StageSummary
from data_synthesis.records import Reach, ToolServer
from data_synthesis.trajectories.rows import Sources, read_rows, write_rows

EMULATED = ToolServer(id="hotel", title="Hotel | Inn", tools=[], license="MIT")
REAL = ToolServer(id="shop", title="Shop", tools=[], reach=Reach(kind="stdio", command=["x"]))


@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(trajectories() | runs(), min_size=1, max_size=5), st.lists(runs(), max_size=2))
def test_a_folder_gives_back_its_records(tmp_path_factory, train, held_out):
    assume(not {row.id for row in train} & {row.id for row in held_out})
    out = tmp_path_factory.mktemp("data") / "set"
    assert write_rows(train, out, held_out=held_out).rows == len(train) + len(held_out)
    assert list(read_rows(out / "data" / "train.parquet")) == train
    read = list(read_rows(out))
    assert sorted(map(repr, read)) == sorted(map(repr, train + held_out))
    assert [type(row) for row in read_rows(out / "data" / "train.parquet")] == [type(row) for row in train]


def test_it_loads_with_hugging_face_datasets_without_foreign_fields(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    other = run(
        "Else.", messages=[{"role": "user", "content": "Else."}, {"role": "assistant", "content": "No."}]
    )
    write_rows([run(), other], tmp_path / "set", held_out=[run("Held out.")])
    loaded = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 2, "held_out": 1}
    row = loaded["train"][0]
    assert row["messages"] == [message.openai() for message in run().messages]
    assert json.loads(row["tools"]) == [tool.openai() for tool in run().tools]
    assert loaded["train"][1]["messages"] == [message.openai() for message in other.messages]
    assert (row["n_calls"], row["score"], row["language"]) == (2, 0.75, "en")


def test_what_is_held_out_is_in_no_other_split(tmp_path):
    with pytest.raises(PipelineError, match="is in both splits"):
        write_rows([run(), run("Again.")], tmp_path / "set", held_out=[run()])
    assert not (tmp_path / "set").exists()


def test_the_card_says_what_is_not_real_and_who_judged(tmp_path):
    funnel = Funnel(stages=[StageSummary(stage="run", inputs=4, outputs=2, rejected={"max_calls": 2})])
    shop = run("Buy.", task={"query": "Buy.", "server_id": "shop"})
    sources = Sources({"hotel": EMULATED, "shop": REAL}, {"agent-1": "Apache-2.0"})
    write_rows(
        [run(), run("Again."), shop],
        tmp_path / "set",
        name="A set",
        sources=sources,
        teachers={"judge": "judge-1"},
        funnel=funnel,
    )
    card = (tmp_path / "set" / "README.md").read_text()
    for line in (
        "| emulated | 2 | 66.7 % |",
        "| real MCP server | 1 | 33.3 % |",
        "| Hotel \\| Inn | tools, emulated | 2 | MIT |",
        "| Shop | tools, real MCP server | 1 | unknown |",
        "| agent-1 | teacher |  | Apache-2.0 |",
        "| judge | judge-1 |  |",
        "| run | 4 | 2 | max_calls 2 |  |",
        "| tool_call | 0.500 | 3 | 0 | 3 | 0 |",
        "| query_plan | 1.000 | 3 | 0 | 0 | 3 |",
        "| calls per row | 2.00 | 4.42 |",
    ):
        assert line in card
    assert "Emulated tools are not real" in card
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["pretty_name"] == "A set"
    assert header["license"] == ["apache-2.0", "mit", "unknown"]


def test_a_row_that_may_not_be_trained_on_stops_the_writing_and_leaves_nothing(tmp_path):
    for bad in (run(status="broken"), run(scores={"query_plan": None})):
        with pytest.raises(Rejected):
            write_rows([run(), bad], tmp_path / "set")
        assert list(tmp_path.iterdir()) == []
    write_rows([run(scores={"query_plan": None})], tmp_path / "set", unjudged=True)
    assert "They were taken on demand here" in (tmp_path / "set" / "README.md").read_text()


def test_no_rows_are_no_data_set_and_other_folders_are_left_alone(tmp_path):
    with pytest.raises(PipelineError, match="no row"):
        write_rows([], tmp_path / "set")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(PipelineError, match=r"thesis\.txt"):
        write_rows([run()], tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


def test_large_splits_are_sharded_and_keep_their_order(tmp_path):
    many = [run(f"Query {n}.") for n in range(20)]
    write_rows(many, tmp_path / "set", shard_bytes=10_000)
    assert len(list((tmp_path / "set" / "data").iterdir())) > 2
    assert list(read_rows(tmp_path / "set")) == many


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_rows([run(), run("Two.")], tmp_path / name / "set")
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("one", "two"))
    assert one == two
