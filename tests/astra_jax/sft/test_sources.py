import json
from pathlib import Path

import datasets
import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordWriter
from ml_collections import ConfigDict

from astra_jax.sft.data import Mixture, Packing, RowPolicy, load_rows, make_dataset
from astra_jax.sft.sources import Source, digest, sources_of
from astra_jax.tokens.rows import tokenise
from astra_jax.tokens.templates import QWEN3
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.packing import Sample
from astra_jax.training.settings import BadSetting
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import BadRecord, ToolServer
from data_synthesis.trajectories.rows import to_chat, to_upstream, write_rows


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_array_record(path, rows):
    writer = ArrayRecordWriter(str(path), "group_size:1")
    for row in rows:
        writer.write(json.dumps(row).encode())
    writer.close()
    return path


def save_to_disk(path, rows):
    datasets.Dataset.from_list(
        [{**row, "messages": json.dumps(row["messages"])} for row in rows]
    ).save_to_disk(path)
    return path


def swift(row):
    """The messages of a row in ms-swift's roles."""
    messages = []
    for message in to_chat(row)["messages"]:
        if message["role"] == "assistant" and message.get("tool_calls"):
            calls = [json.dumps(call["function"]) for call in message["tool_calls"]]
            messages += [{"role": "tool_call", "content": call} for call in calls]
        else:
            role = "tool_response" if message["role"] == "tool" else message["role"]
            messages.append({"role": role, "content": message["content"]})
    return {"messages": messages, "tools": to_chat(row)["tools"]}


WRITERS = {
    "trajectories": lambda path, rows: write_lines(
        path / "rows.jsonl", [r.model_dump(mode="json") for r in rows]
    ),
    "chat": lambda path, rows: write_lines(path / "chat.jsonl", map(to_chat, rows)),
    "ms-swift": lambda path, rows: write_lines(path / "swift.jsonl", map(swift, rows)),
    "upstream": lambda path, rows: write_lines(
        path / "upstream.jsonl", [to_upstream(row, ToolServer(title="Weather", tools=[])) for row in rows]
    ),
    "a data set": lambda path, rows: write_rows(rows, path / "set", unjudged=True) and path / "set",
    "save_to_disk": lambda path, rows: save_to_disk(path / "saved", map(to_chat, rows)),
    "ArrayRecord": lambda path, rows: write_array_record(path / "rows.array_record", map(to_chat, rows)),
    "a part of ArrayRecord": lambda path, rows: write_array_record(
        path / "rows.array_record-00000-of-00001", map(to_chat, rows)
    ),
    "a folder of ArrayRecord": lambda path, rows: (
        write_array_record(path / "rows.array_record-00000-of-00001", map(to_chat, rows)).parent
    ),
}


@pytest.mark.parametrize("form", WRITERS)
def test_rows_of_any_form_become_the_same_tokens(tmp_path, trajectories, tokenizer_dir, form):
    (tmp_path / "data").mkdir()
    path = WRITERS[form](tmp_path / "data", trajectories[:6])
    tokenizer = Tokenizer(tokenizer_dir)
    rows, report = load_rows(Source("x", path), tokenizer, QWEN3, RowPolicy(1000), tmp_path / "cache")
    assert report.rows == 6
    expected = [tokenise(row, tokenizer, QWEN3).ids for row in trajectories[:6]]
    assert [sample.tokens.tolist() for sample in rows] == expected


@pytest.mark.parametrize("form", ["save_to_disk", "ArrayRecord"])
def test_a_damaged_table_is_named(tmp_path, trajectories, tokenizer_dir, form):
    path = WRITERS[form](tmp_path, trajectories[:6])
    file = next(path.glob("*.arrow")) if path.is_dir() else path
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadRecord, match=rf"{file.name}:1: is not Arr.* that can be read"):
        load_rows(Source("x", path), Tokenizer(tokenizer_dir), QWEN3, RowPolicy(1000), tmp_path / "cache")


def test_arguments_that_a_table_filled_with_nulls_are_refused(tmp_path, tokenizer_dir):
    def call(**arguments):
        return {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": arguments}]}

    table = datasets.Dataset.from_list([{"messages": [call(x=1), call(y=2)]}])
    table.save_to_disk(tmp_path / "set")
    with pytest.raises(
        BadRecord, match=r"arrow:1: field `messages`: has a call with an argument that is null"
    ):
        load_rows(
            Source("x", tmp_path / "set"), Tokenizer(tokenizer_dir), QWEN3, RowPolicy(9), tmp_path / "cache"
        )


def test_of_several_splits_one_must_be_named(tmp_path, trajectories, tokenizer_dir):
    split = datasets.Dataset.from_list([to_chat(trajectories[0])])
    datasets.DatasetDict(train=split, test=split).save_to_disk(tmp_path / "set")
    with pytest.raises(PipelineError, match=r"holds splits: name one, .*set/train or .*set/test"):
        load_rows(
            Source("x", tmp_path / "set"), Tokenizer(tokenizer_dir), QWEN3, RowPolicy(9), tmp_path / "cache"
        )


def mixture(*sizes, weights):
    """Part i holds samples of the token i + 1."""
    return Mixture([[Sample(np.full(4, i + 1), np.ones(4))] * size for i, size in enumerate(sizes)], weights)


def sources_seen(mixture, epochs, seed=0):
    batches = make_dataset(mixture, Packing(4, 1, window=3), seed=seed, epochs=epochs)
    return [int(batch.sources[0, 0]) for batch in batches]


def test_any_stretch_has_the_shares_of_the_weights():
    seen = sources_seen(mixture(10, 30, weights=[3.0, 1.0]), epochs=3)
    assert len(seen) == 120
    assert seen.count(0) == 90
    for stop in range(1, 120):
        assert abs(seen[:stop].count(0) - 0.75 * stop) < 4  # a window is packed in the order of its lengths


def test_a_source_alone_has_no_numbers_and_each_row_once():
    batches = list(make_dataset(mixture(10, weights=[1.0]), Packing(4, 5), seed=0, epochs=1))
    assert [batch.sources for batch in batches] == [None, None]


def test_one_row_is_a_data_set():
    batches = iter(make_dataset(mixture(1, weights=[1.0]), Packing(16, 2, window=8), seed=0, epochs=None))
    assert [np.asarray(next(batches).tokens).sum() for _ in range(3)] == [32, 32, 32]


def test_a_mixture_goes_on_from_its_state():
    parts = [[Sample(np.full(4, 10 * part + i), np.ones(4)) for i in range(7)] for part in (1, 2, 3)]
    dataset = make_dataset(Mixture(parts, [1.0, 2.0, 0.5]), Packing(8, 2, window=5), seed=3, epochs=None)
    whole = iter(dataset)
    for _ in range(9):
        next(whole)
    resumed = iter(dataset)
    resumed.set_state(json.loads(json.dumps(whole.get_state())))
    for _ in range(20):
        assert np.array_equal(next(resumed).tokens, next(whole).tokens)


def data(**fields):
    return ConfigDict({"data": {"path": "", "sources": ()} | fields})


def test_a_path_is_a_source_alone():
    assert sources_of(data(path="a/rows.jsonl")) == [Source("rows", Path("a/rows.jsonl"), 1.0)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "config.data.path is empty: it has no default"),
        ({"path": "a", "sources": (("b", "b", 1.0),)}, "are both given"),
        ({"sources": (("a", "a"),)}, r"has \('a', 'a'\); a source is \(name, path, weight\)"),
        ({"sources": (("a", "a", 1.0), ("a", "b", 1.0))}, "has 'a' twice"),
        ({"sources": (("a", "a", 0.0),)}, "weight of config.data.sources 'a' is 0.0: it must be more than 0"),
    ],
)
def test_what_is_no_source_is_said(fields, sentence):
    with pytest.raises(BadSetting, match=sentence):
        sources_of(data(**fields))


def test_the_digest_of_a_folder_is_of_its_files_and_their_names(tmp_path):
    (tmp_path / "a").write_text("1")
    before = digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = digest(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, digest(tmp_path)}) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadSetting, match="the folder is empty"):
        digest(tmp_path / "empty")
