import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.rl.algorithms import GroupSignal, PolicyGradient
from astra_jax.rl.algorithms.advantages import ADVANTAGES
from astra_jax.rl.algorithms.means import over_a_constant
from astra_jax.rl.batching import to_batch
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.training.batch import PackedBatch
from astra_jax.training.state import join_model, split_model
from astra_jax.training.step import accumulate

pytestmark = pytest.mark.usefixtures("compile_quickly")
ROWS = 8
ALGORITHMS = [PolicyGradient(), PolicyGradient(ADVANTAGES["centred"], over_a_constant(20.0))]


@pytest.fixture(scope="module")
def loss_and_gradient(tiny_model):
    graph, params = split_model(tiny_model)

    def loss(params, batch, scale, chunk):
        model = join_model(graph, params)
        total, diagnostics = policy_loss(
            model, batch, temperature=0.8, objective=Objective(clip_high=0.3), chunk=chunk
        )
        return total * scale, diagnostics

    @functools.partial(jax.jit, static_argnums=(1, 2))
    def run(batch, micro_batches, chunk):
        gradient = jax.value_and_grad(functools.partial(loss, chunk=chunk), has_aux=True)
        value, diagnostics, grads = accumulate(gradient, params, batch, jnp.float32(1), micro_batches)
        return value, {name: figure.reduce() for name, figure in diagnostics.items()}, grads

    return run


def one_row_each(groups, signals, length) -> PackedBatch:
    """The same update without `training.packing`: an episode a row, everything moved to the predicting token."""
    arrays = {
        name: np.zeros((ROWS, length), np.int32) for name in ("tokens", "targets", "positions", "segments")
    }
    floats = {name: np.zeros((ROWS, length), np.float32) for name in ("weights", "advantages", "logprobs")}
    denominator = sum(sum(signal.denominators) for signal in signals)
    row = 0
    for episodes, signal in zip(groups, signals, strict=True):
        for index, episode in enumerate(episodes):
            n = len(episode.token_ids)
            arrays["tokens"][row, :n] = episode.token_ids
            arrays["targets"][row, : n - 1] = episode.token_ids[1:]
            arrays["positions"][row, :n] = range(n)
            arrays["segments"][row, :n] = 1
            floats["weights"][row, : n - 1] = signal.weights[index][1:] / denominator
            floats["advantages"][row, : n - 1] = signal.advantages[index][1:]
            floats["logprobs"][row, : n - 1] = episode.logprobs[1:]
            row += 1
    return PackedBatch(
        tokens=arrays["tokens"],
        targets=arrays["targets"],
        positions=arrays["positions"],
        segment_ids=arrays["segments"],
        parent_ids=np.zeros_like(arrays["tokens"]),
        loss_weights=floats["weights"],
        advantages=floats["advantages"],
        sampler_logprobs=floats["logprobs"],
    )


@settings(deadline=None, max_examples=12)
@given(
    sizes=st.lists(st.integers(2, 4), min_size=1, max_size=2),
    seed=st.integers(0, 999),
    prompt_length=st.integers(1, 6),
    algorithm=st.sampled_from(ALGORITHMS),
    layout=st.sampled_from([(40, 8, 1, 0), (64, 8, 4, 8)]),  # few, as each is compiled
)
def test_the_update_does_not_depend_on_rows_shared_prompts_or_chunks(
    loss_and_gradient, group, sizes, seed, prompt_length, algorithm, layout
):
    length, rows_multiple, micro_batches, chunk = layout
    groups = [
        group([0.0, *[1.0] * (size - 1)], seed=seed + n, prompt_length=prompt_length)
        for n, size in enumerate(sizes)
    ]
    signals = [algorithm.signal(episodes) for episodes in groups]
    expected, figures, grads = loss_and_gradient(one_row_each(groups, signals, 40), 1, 0)
    batch = to_batch(groups, signals, length, rows_multiple)
    value, packed_figures, packed_grads = loss_and_gradient(batch, micro_batches, chunk)
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
    for name, figure in figures.items():
        np.testing.assert_allclose(packed_figures[name], figure, rtol=2e-5, atol=2e-6, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=3e-6), packed_grads, grads)
    assert max(float(jnp.abs(g).max()) for g in jax.tree.leaves(grads)) > 1e-3


@given(sizes=st.lists(st.integers(2, 6), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_every_sampled_token_is_there_once_and_rows_come_in_few_counts(group, sizes, seed):
    groups = [group([0.0, *[1.0] * (size - 1)], seed=seed + n) for n, size in enumerate(sizes)]
    batch = to_batch(groups, [PolicyGradient().signal(episodes) for episodes in groups], 64, 3)
    sampled = sum(sum(episode.loss_mask) for episodes in groups for episode in episodes)
    assert (batch.loss_weights > 0).sum() == sampled
    assert batch.loss_weights.sum() == pytest.approx(1, abs=1e-5)
    targets = np.sort(np.asarray(batch.targets)[np.asarray(batch.loss_weights) > 0])
    tokens = [
        t for episodes in groups for e in episodes for t, m in zip(e.token_ids, e.loss_mask, strict=True) if m
    ]
    assert targets.tolist() == sorted(tokens)
    rows = batch.tokens.shape[0]
    assert rows in (3, 6, 12, 24)
    assert (batch.segment_ids[rows // 2 :] > 0).any() or rows == 3, (
        "no more rows than the next count that fits"
    )


def test_without_shared_prompts_every_episode_has_its_own_and_no_segment_a_parent(group):
    episodes = group([0.0, 1.0, 1.0])
    signals = [PolicyGradient().signal(episodes)]
    shared = to_batch([episodes], signals, 64, 1)
    apart = to_batch([episodes], signals, 64, 1, share_prompts=False)
    assert shared.parent_ids is not None
    assert apart.parent_ids is None
    repeated = 2 * (episodes[0].prompt_length - 1)
    assert (apart.segment_ids > 0).sum() == (shared.segment_ids > 0).sum() + repeated
    assert apart.loss_weights.sum() == pytest.approx(shared.loss_weights.sum())


def test_an_answer_that_nobody_read_is_not_trained_on_however_long(group):
    episodes = group([0.0, 1.0])
    whole = to_batch([episodes], [PolicyGradient().signal(episodes)], 64, 1)
    longer = [
        episode.model_copy(
            update={
                "token_ids": episode.token_ids + [9] * 500,
                "loss_mask": episode.loss_mask + [0] * 500,
                "logprobs": episode.logprobs + [0.0] * 500,
            }
        )
        for episode in episodes
    ]
    cut = to_batch([longer], [PolicyGradient().signal(longer)], 64, 1)
    jax.tree.map(np.testing.assert_array_equal, cut, whole)


def test_an_episode_without_weight_takes_no_room(group):
    episodes = group([0.0, 1.0, 0.5])
    episodes[1].stop_reason = "context"
    signal = PolicyGradient(mask_cut_off=True).signal(episodes)
    batch = to_batch([episodes], [signal], 64, 1)
    without = replace_each(signal, lambda values: [values[0], values[2]])
    expected = to_batch([[episodes[0], episodes[2]]], [without], 64, 1)
    jax.tree.map(np.testing.assert_array_equal, batch, expected)


def replace_each(signal, change):
    return GroupSignal(*map(change, (signal.advantages, signal.weights, signal.denominators)))


def test_an_episode_that_fits_no_row_is_an_error_that_says_so(group):
    episodes = group([0.0, 1.0], prompt_length=70)
    with pytest.raises(ValueError, match=r"a sample of \d+ tokens does not fit a row of 64"):
        to_batch([episodes], [PolicyGradient().signal(episodes)], 64, 1)
