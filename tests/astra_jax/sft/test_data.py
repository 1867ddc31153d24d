import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.sft.data import Mixture, Packing, RowPolicy, count_batches, load_rows, make_dataset
from astra_jax.sft.sources import Source
from astra_jax.tokens.rows import tokenise
from astra_jax.tokens.templates import QWEN3
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.packing import Sample
from data_synthesis.records import BadRecord, Message, write_records


@pytest.fixture(scope="module")
def tokenizer(tokenizer_dir):
    return Tokenizer(tokenizer_dir)


@pytest.fixture
def load(tokenizer, tmp_path):
    """The rows of a file, and what became of them."""

    def load(path, length=1000, **policy):
        return load_rows(
            Source("rows", path), tokenizer, QWEN3, RowPolicy(length, **policy), tmp_path / "cache"
        )

    return load


def alone(samples):
    return Mixture([samples], [1.0])


@st.composite
def sample_lists(draw):
    """Samples whose tokens say whose they are: sample i holds i + 1, again and again."""
    lengths = draw(st.lists(st.integers(2, 30), min_size=1, max_size=30))
    return [Sample(np.full(n, i + 1), np.ones(n)) for i, n in enumerate(lengths)]


packings = st.builds(Packing, st.just(32), st.integers(1, 4), st.booleans(), st.integers(1, 12))


@settings(deadline=None, max_examples=30)
@given(samples=sample_lists(), packing=packings, seed=st.integers(0, 9), epochs=st.integers(1, 3))
def test_every_epoch_has_every_sample_once(samples, packing, seed, epochs):
    batches = list(make_dataset(alone(samples), packing, seed=seed, epochs=epochs))
    assert len(batches) == count_batches(alone(samples), packing, seed=seed, epochs=epochs)
    tokens = np.concatenate([np.asarray(batch.tokens).ravel() for batch in batches])
    counts = np.bincount(tokens, minlength=len(samples) + 1)[1:]
    assert counts.tolist() == [epochs * len(sample) for sample in samples]
    assert all(batch.tokens.shape == (packing.rows, 32) for batch in batches)


@settings(deadline=None, max_examples=30)
@given(samples=sample_lists(), packing=packings, taken=st.integers(0, 20))
def test_an_iterator_goes_on_from_its_state(samples, packing, taken):
    dataset = make_dataset(alone(samples), packing, seed=0, epochs=None)
    whole = iter(dataset)
    for _ in range(taken):
        next(whole)
    resumed = iter(dataset)
    resumed.set_state(json.loads(json.dumps(whole.get_state())))
    for _ in range(5):
        ours, theirs = next(resumed), next(whole)
        assert np.array_equal(ours.tokens, theirs.tokens)
        assert np.array_equal(ours.segment_ids, theirs.segment_ids)


@pytest.mark.parametrize(("length", "window"), [(4096, 512), (20_480, 4096)])
def test_rows_are_filled_with_rows_of_agents(length, window):
    """Lengths as of the 2,000 procedural rows of `benchmarks.sft_data`: 564 tokens on average, few of 1,000."""
    lengths = np.random.default_rng(0).lognormal(6.26, 0.4, 2000).astype(int)
    samples = [Sample(np.ones(n, int), np.ones(n)) for n in lengths]
    packing = Packing(length, 4, window=window)
    batches = list(make_dataset(alone(samples), packing, seed=0, epochs=1))
    rows = [
        row for batch in batches for row in np.asarray(batch.tokens) if row.any()
    ]  # the last batch is not full
    assert sum(np.count_nonzero(row) for row in rows) == lengths.sum()
    assert lengths.sum() / (len(rows) * length) > 0.97


def test_seeds_and_epochs_have_orders_of_their_own():
    samples = [Sample(np.full(8, i + 1), np.ones(8)) for i in range(16)]
    packing = Packing(8, 16)

    def orders(seed):
        return [
            batch.tokens[:, 0].tolist()
            for batch in make_dataset(alone(samples), packing, seed=seed, epochs=2)
        ]

    assert orders(1) == orders(1)
    first, second = orders(1)
    assert len({tuple(order) for order in (first, second, *orders(2))}) == 4


def test_samples_are_the_tokenised_rows_in_order(data_path, trajectories, tokenizer, load):
    samples, report = load(data_path)
    rows = [tokenise(row, tokenizer, QWEN3) for row in trajectories]
    assert [sample.tokens.tolist() for sample in samples] == [row.ids for row in rows]
    assert [sample.loss_weights.tolist() for sample in samples] == [row.loss_mask for row in rows]
    assert report.trained_tokens == sum(map(sum, (row.loss_mask for row in rows)))


@pytest.mark.parametrize("too_long", ["drop", "truncate"])
def test_rows_that_are_too_long_are_counted(data_path, trajectories, tokenizer, load, too_long):
    rows = [tokenise(row, tokenizer, QWEN3) for row in trajectories]
    lengths = [len(row.ids) for row in rows]
    limit = sorted(lengths)[len(lengths) // 2]
    samples, report = load(data_path, limit, too_long=too_long)
    longer = sum(length > limit for length in lengths)
    lost = report.dropped_too_long + report.truncated
    assert 0 < longer == lost
    assert len(samples) == report.rows == len(lengths) - report.dropped_too_long
    assert f", {longer} " in report.sentence()
    expected = [row if len(row.ids) <= limit else row.first(limit) for row in rows]
    if too_long == "truncate":
        assert [sample.tokens.tolist() for sample in samples] == [row.ids for row in expected]


def test_a_long_row_ends_with_a_whole_turn_of_the_assistant(trajectories, tokenizer):
    row = tokenise(trajectories[2], tokenizer, QWEN3)
    assert len(row.turns) == 4
    for limit in range(row.turns[0].stop, len(row.ids) + 1):
        cut = row.first(limit)
        assert cut.ids == row.ids[: cut.turns[-1].stop]
        assert tokenizer.decode(cut.ids).endswith("<|im_end|>")
        assert len(cut.ids) <= limit
    assert row.first(row.turns[0].stop - 1).ids == []
    assert row.first(len(row.ids)) == row


def test_a_broken_run_is_never_trained_on(tmp_path, trajectories, load):
    path = tmp_path / "rows.jsonl"
    write_records(path, [trajectories[0], trajectories[1].model_copy(update={"status": "broken"})])
    samples, report = load(path)
    assert (len(samples), report.dropped_broken) == (1, 1)
    assert report.sentence().endswith(", 1 broken")


def test_a_bad_row_is_named_and_stops_or_is_skipped(tmp_path, data_path, load):
    lines = data_path.read_text().splitlines()
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([lines[0], '{"messages": [], "tools": 7}', lines[1], "{"]) + "\n")
    with pytest.raises(BadRecord, match=r"bad.jsonl:2: field `tools`"):
        load(path)
    samples, report = load(path, bad_rows="skip")
    assert len(samples) == 2
    assert ["bad.jsonl:2" in report.bad[0], "bad.jsonl:4" in report.bad[1]] == [True, True]


def test_a_file_that_was_cut_short_is_named_by_its_last_line(tmp_path, data_path, load):
    path = tmp_path / "torn.jsonl"
    path.write_bytes(data_path.read_bytes()[:-20])
    with pytest.raises(BadRecord, match=r"torn.jsonl:40: is not JSON"):
        load(path)


def test_a_file_without_anything_to_learn_is_an_error_and_leaves_nothing_behind(data_path, load, tmp_path):
    with pytest.raises(ValueError, match="no row to train on with a sequence length of 4"):
        load(data_path, 4)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_turn_counts_by_its_own_weight(tmp_path, trajectories, tokenizer, load):
    row = trajectories[2].model_copy(deep=True)
    turns = [message for message in row.messages if message.role == "assistant"]
    for message, weight in zip(turns, (0.0, 0.5, 1.0, 2.0), strict=True):
        message.weight = weight
    write_records(tmp_path / "weighted.jsonl", [row])
    (sample,), report = load(tmp_path / "weighted.jsonl")
    plain = tokenise(trajectories[2], tokenizer, QWEN3)
    assert sample.tokens.tolist() == plain.ids
    for turn, weight in zip(plain.turns, (0.0, 0.5, 1.0, 2.0), strict=True):
        assert set(sample.loss_weights[turn.start : turn.stop].tolist()) == {weight}
    assert report.trained_tokens == sum(turn.stop - turn.start for turn in plain.turns[1:])


def test_a_row_whose_weight_was_cut_off_is_counted_once(tmp_path, trajectories, tokenizer, load):
    row = trajectories[2].model_copy(deep=True)
    next(message for message in row.messages if message.role == "assistant").weight = 0.0
    write_records(tmp_path / "rows.jsonl", [row])
    first_turn = tokenise(row, tokenizer, QWEN3).turns[0]
    with pytest.raises(ValueError, match="truncated=0, dropped_too_long=0, dropped_without_loss=1"):
        load(tmp_path / "rows.jsonl", first_turn.stop, too_long="truncate")


@pytest.mark.parametrize("weight", [-1, "much", True])
def test_a_weight_that_is_none_is_a_bad_row(tmp_path, trajectories, load, weight):
    row = trajectories[0].model_copy(deep=True)
    row.messages[-1].weight = weight
    write_records(tmp_path / "rows.jsonl", [row])
    with pytest.raises(BadRecord, match=r"rows.jsonl:1: field `messages`: the weight of a message is"):
        load(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("policy", ["keep", "drop", "off"])
def test_reasoning_is_trained_on_as_the_policy_says(trajectories, tokenizer, policy):
    row = trajectories[1].model_copy(deep=True)
    row.messages.append(Message(role="user", content="And tomorrow?"))
    row.messages.append(Message(role="assistant", content="The same.", reasoning_content="It never changes."))
    row.messages[1].reasoning_content = "I must ask."
    tokens = tokenise(row, tokenizer, QWEN3.with_thinking(policy))
    trained = [tokenizer.decode(tokens.ids[turn.start : turn.stop]) for turn in tokens.turns]
    assert any("I must ask." in turn for turn in trained) == (policy == "keep")
    assert any("It never changes." in turn for turn in trained) == (policy != "off")
    assert "<think>" in tokenizer.decode(tokens.ids)
    assert ("<think>" in "".join(trained)) == (policy != "off")
