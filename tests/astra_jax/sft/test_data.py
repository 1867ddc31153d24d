import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.sft.data import Packing, count_batches, load_samples, make_dataset
from astra_jax.tokens.rows import tokenise
from astra_jax.tokens.templates import QWEN3
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.packing import Sample
from data_synthesis.records import BadRecord, write_records


@pytest.fixture(scope="module")
def tokenizer(tokenizer_dir):
    return Tokenizer(tokenizer_dir)


@st.composite
def sample_lists(draw):
    """Samples whose tokens say whose they are: sample i holds i + 1, again and again."""
    lengths = draw(st.lists(st.integers(2, 30), min_size=1, max_size=30))
    return [Sample(np.full(n, i + 1), np.ones(n)) for i, n in enumerate(lengths)]


packings = st.builds(Packing, st.just(32), st.integers(1, 4), st.booleans(), st.integers(1, 12))


@settings(deadline=None, max_examples=30)
@given(samples=sample_lists(), packing=packings, seed=st.integers(0, 9), epochs=st.integers(1, 3))
def test_every_epoch_has_every_sample_once(samples, packing, seed, epochs):
    batches = list(make_dataset(samples, packing, seed=seed, epochs=epochs))
    assert len(batches) == count_batches(samples, packing, seed=seed, epochs=epochs)
    tokens = np.concatenate([np.asarray(batch.tokens).ravel() for batch in batches])
    counts = np.bincount(tokens, minlength=len(samples) + 1)[1:]
    assert counts.tolist() == [epochs * len(sample) for sample in samples]
    assert all(batch.tokens.shape == (packing.rows, 32) for batch in batches)


@settings(deadline=None, max_examples=30)
@given(samples=sample_lists(), packing=packings, taken=st.integers(0, 20))
def test_an_iterator_goes_on_from_its_state(samples, packing, taken):
    dataset = make_dataset(samples, packing, seed=0, epochs=None)
    whole = iter(dataset)
    for _ in range(taken):
        next(whole)
    resumed = iter(dataset)
    resumed.set_state(json.loads(json.dumps(whole.get_state())))
    for _ in range(5):
        ours, theirs = next(resumed), next(whole)
        assert np.array_equal(ours.tokens, theirs.tokens)
        assert np.array_equal(ours.segment_ids, theirs.segment_ids)


def test_seeds_and_epochs_have_orders_of_their_own():
    samples = [Sample(np.full(8, i + 1), np.ones(8)) for i in range(16)]
    packing = Packing(8, 16)

    def orders(seed):
        return [batch.tokens[:, 0].tolist() for batch in make_dataset(samples, packing, seed=seed, epochs=2)]

    assert orders(1) == orders(1)
    first, second = orders(1)
    assert len({tuple(order) for order in (first, second, *orders(2))}) == 4


def test_samples_are_the_tokenised_rows_in_order(data_path, trajectories, tokenizer):
    samples, report = load_samples(data_path, tokenizer, QWEN3, 1000)
    rows = [tokenise(row, tokenizer, QWEN3) for row in trajectories]
    assert [sample.tokens.tolist() for sample in samples] == [row.ids for row in rows]
    assert [sample.loss_weights.tolist() for sample in samples] == [row.loss_mask for row in rows]
    assert report.trained_tokens == sum(map(sum, (row.loss_mask for row in rows)))


@pytest.mark.parametrize("too_long", ["drop", "truncate"])
def test_rows_that_are_too_long_are_counted(data_path, trajectories, tokenizer, too_long):
    lengths = [len(tokenise(row, tokenizer, QWEN3).ids) for row in trajectories]
    limit = sorted(lengths)[len(lengths) // 2]
    samples, report = load_samples(data_path, tokenizer, QWEN3, limit, too_long=too_long)
    longer = sum(length > limit for length in lengths)
    lost = report.dropped_too_long + report.truncated
    assert 0 < longer == lost
    assert len(samples) == report.rows == len(lengths) - report.dropped_too_long - report.dropped_without_loss
    assert max(map(len, samples)) == limit
    assert f", {longer} " in report.sentence()


def test_a_broken_run_is_never_trained_on(tmp_path, data_path, trajectories, tokenizer):
    path = tmp_path / "rows.jsonl"
    write_records(path, [trajectories[0], trajectories[1].model_copy(update={"status": "broken"})])
    samples, report = load_samples(path, tokenizer, QWEN3, 1000)
    assert (len(samples), report.dropped_broken) == (1, 1)
    assert report.sentence().endswith(", 1 broken")


def test_a_bad_row_is_named_and_stops_or_is_skipped(tmp_path, data_path, tokenizer):
    lines = data_path.read_text().splitlines()
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([lines[0], '{"messages": [], "tools": 7}', lines[1], "{"]) + "\n")
    with pytest.raises(BadRecord, match=r"bad.jsonl:2: field `tools`"):
        load_samples(path, tokenizer, QWEN3, 1000)
    samples, report = load_samples(path, tokenizer, QWEN3, 1000, bad_rows="skip")
    assert len(samples) == 2
    assert ["bad.jsonl:2" in report.bad[0], "bad.jsonl:4" in report.bad[1]] == [True, True]


def test_a_file_without_anything_to_learn_is_an_error(data_path, tokenizer):
    with pytest.raises(ValueError, match="no row to train on with a sequence length of 4"):
        load_samples(data_path, tokenizer, QWEN3, 4)
