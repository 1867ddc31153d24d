import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.training.batch import total_weight
from astra_jax.training.loss import cross_entropy
from astra_jax.training.packing import Sample, assemble, pack, plan, share_prompt, single
from astra_jax.training.state import join_model, split_model
from astra_jax.training.step import accumulate

ROWS, LONGEST = 8, 12


@st.composite
def groups(draw):
    """Samples of one group: a common prompt without loss, then responses with weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    prompt = rng.integers(1, 61, draw(st.integers(1, 5)))
    samples = []
    for _ in range(draw(st.integers(1, 4))):
        response = rng.integers(1, 61, draw(st.integers(1, 7)))
        weights = rng.choice([0.0, 1.0, 0.25], len(response), p=[0.2, 0.6, 0.2])
        samples.append(
            Sample(np.concatenate([prompt, response]), np.concatenate([np.zeros(len(prompt)), weights]))
        )
    return samples, len(prompt)


@pytest.fixture(scope="module")
def loss_and_gradient(tiny_model):
    graph, params = split_model(tiny_model)

    def loss(params, batch, scale):
        total, diagnostics = cross_entropy(join_model(graph, params), batch, chunk=8)
        return total * scale, diagnostics

    @functools.partial(jax.jit, static_argnums=1)
    def run(batch, micro_batches):
        scale = 1 / jnp.maximum(total_weight(batch), 1e-6)
        gradient = jax.value_and_grad(loss, has_aux=True)
        value, _, grads = accumulate(gradient, params, batch, scale, micro_batches)
        return value, grads

    return run


@settings(deadline=None, max_examples=20)
@given(st.lists(groups(), min_size=1, max_size=2), st.sampled_from([(1, 29), (4, 13)]))
def test_loss_and_gradients_do_not_depend_on_the_layout(loss_and_gradient, drawn, layout):
    micro_batches, length = layout
    samples = [sample for group, _ in drawn for sample in group]
    alone = assemble([[single(sample)] for sample in samples], LONGEST, ROWS)
    value, grads = loss_and_gradient(alone, 1)
    batches = [
        pack([single(sample) for sample in samples], length, ROWS),
        pack([b for group, prompt in drawn for b in share_prompt(group, prompt, length)], length, ROWS),
    ]
    for batch in batches:
        packed_value, packed_grads = loss_and_gradient(batch, micro_batches)
        np.testing.assert_allclose(packed_value, value, rtol=1e-5, atol=1e-6)
        for ours, theirs in zip(jax.tree.leaves(packed_grads), jax.tree.leaves(grads), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-6 + 1e-5 * np.abs(theirs).max())


@given(st.lists(st.integers(1, 50), max_size=60), st.one_of(st.none(), st.integers(1, 3)))
def test_a_plan_places_every_item_once_within_capacity(lengths, most):
    rows = plan(lengths, 50, most)
    assert sorted(item for row in rows for item in row) == list(range(len(lengths)))
    assert all(sum(lengths[item] for item in row) <= 50 for row in rows)
    assert all(most is None or len(row) <= most for row in rows)


def test_a_plan_fills_rows_of_agent_like_lengths():
    lengths = np.random.default_rng(0).lognormal(6, 0.6, 512).astype(int).clip(50, 2048)
    assert sum(lengths) / (2048 * len(plan(list(lengths), 2048))) > 0.97


@given(st.lists(groups(), min_size=1, max_size=3))
def test_every_weighted_token_is_predicted_once_from_its_own_context(drawn):
    samples = [sample for group, _ in drawn for sample in group]
    blocks = [block for group, prompt in drawn for block in share_prompt(group, prompt, 29)]
    batch = pack(blocks, 29)
    trained = np.asarray(batch.loss_weights) > 0
    seen = sorted(
        zip(batch.positions[trained] + 1, batch.targets[trained], batch.loss_weights[trained], strict=True)
    )
    wanted = sorted(
        (position, sample.tokens[position], np.float32(sample.loss_weights[position]))
        for sample in samples
        for position in np.flatnonzero(sample.loss_weights)
    )
    assert seen == wanted


def test_a_group_longer_than_a_row_repeats_its_prompt_in_each_block():
    prompt = np.arange(1, 11)
    group = [Sample(np.append(prompt, [20 + i] * 5), np.append(np.zeros(10), np.ones(5))) for i in range(5)]
    blocks = share_prompt(group, 10, 22)
    assert [len(block) for block in blocks] == [21, 21, 15]


def test_a_group_longer_than_a_row_is_split_so_that_rows_are_full():
    """Responses of 6, 9, 3 and 6 tokens, each with its copy of the prompt's last one: in order they take three rows."""
    group = [Sample(np.arange(10 + n), np.append(np.zeros(10), np.ones(n))) for n in (5, 8, 2, 5)]
    blocks = share_prompt(group, 10, 21)
    assert [len(block) for block in blocks] == [21, 21]
    assert [block.arrays["loss_weights"].sum() for block in blocks] == [10, 10]


@pytest.mark.parametrize(
    ("samples", "multiple", "rows"), [(1, 1, 1), (3, 1, 4), (3, 3, 3), (4, 3, 6), (13, 3, 24)]
)
def test_rows_come_in_few_counts(samples, multiple, rows):
    sample = Sample(np.array([1, 2, 3, 4]), np.array([0, 0, 1.0, 1.0]))
    batch = pack([single(sample)] * samples, 4, multiple)
    assert batch.tokens.shape == (rows, 4)
    assert (np.asarray(batch.segment_ids) > 0).sum() == samples * len(sample)


def test_rl_values_move_to_the_token_that_predicts():
    tokens = np.array([5, 6, 7, 8])
    sample = Sample(tokens, np.array([0, 0, 1, 1.0]), np.array([0, 0, 2, 2.0]), np.array([0, 0, -0.5, -0.25]))
    batch = pack([single(sample)], 6)
    assert batch.advantages is not None
    assert batch.sampler_logprobs is not None
    assert batch.targets.tolist() == [[6, 7, 8, 0, 0, 0]]
    assert batch.advantages.tolist() == [[0, 2, 2, 0, 0, 0]]
    assert batch.sampler_logprobs.tolist() == [[0, -0.5, -0.25, 0, 0, 0]]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda s: pack([single(s)], 3), "item 0 has 4 tokens and a row holds 3"),
        (lambda s: assemble([[single(s)]] * 3, 4, 2), "3 rows are needed and the batch has 2"),
        (lambda s: share_prompt([s, Sample(s.tokens + 1, s.loss_weights)], 2, 9), "another prompt"),
        (lambda s: share_prompt([s], 3, 9), "has loss on its prompt"),
        (lambda s: share_prompt([s], 0, 9), "prompt_length is 0"),
        (lambda s: share_prompt([s], 2, 3), "4 tokens does not fit a row of 3"),
        (lambda s: pack([single(s), single(Sample(s.tokens, s.loss_weights, s.tokens))], 9), "others do not"),
    ],
)
def test_what_cannot_be_packed_is_said(act, sentence):
    sample = Sample(np.array([1, 2, 3, 4]), np.array([0, 0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=sentence):
        act(sample)
