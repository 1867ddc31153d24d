import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.vocabulary import score
from astra_jax.rl.algorithms import PolicyGradient
from astra_jax.rl.batching import to_batch
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.training.batch import PackedBatch
from astra_jax.training.loss import token_logprobs
from astra_jax.training.state import join_model, split_model

pytestmark = pytest.mark.usefixtures("compile_quickly")
B, T, V = 3, 40, 7
TEMPERATURE = 0.7


class Table:
    """A model whose logits are given."""

    def __init__(self, logits_BxTxV):
        self.table = logits_BxTxV

    def __call__(self, tokens, positions, segments, parents):
        return self.table

    def scorer(self):
        return lambda hidden, targets, temperature: score(hidden / temperature, targets)


@pytest.fixture
def problem():
    """Logits, and a batch in which the sampler's log-probs are far from the model's, on both sides."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(B, T, V)).astype(np.float32)
    trained = rng.random((B, T)) < 0.7
    batch = PackedBatch(
        tokens=np.zeros((B, T), np.int32),
        targets=rng.integers(0, V, (B, T)),
        positions=np.tile(np.arange(T), (B, 1)),
        segment_ids=np.ones((B, T), np.int32),
        parent_ids=np.zeros((B, T), np.int32),
        loss_weights=np.where(trained, rng.choice([0.01, 0.02], (B, T)), 0).astype(np.float32),
        advantages=rng.normal(size=(B, T)).astype(np.float32),
        sampler_logprobs=np.where(trained, rng.normal(-2, 0.6, (B, T)), 0).astype(np.float32),
    )
    return logits, batch


def test_loss_and_figures_are_the_formulas(problem):
    logits, batch = problem
    loss, figures = policy_loss(
        Table(logits), batch, temperature=TEMPERATURE, objective=Objective(clip_low=0.2, clip_high=0.3)
    )
    z = np.asarray(logits, np.float64) / TEMPERATURE
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    rows, columns = np.nonzero(batch.loss_weights)
    weight, advantage = batch.loss_weights[rows, columns], batch.advantages[rows, columns]
    log_ratio = np.log(p[rows, columns, batch.targets[rows, columns]]) - batch.sampler_logprobs[rows, columns]
    ratio, expected, clipped = np.exp(log_ratio), 0.0, {"low": 0, "high": 0}
    for w, a, r in zip(weight, advantage, ratio, strict=True):
        # A ratio is held back only where going on would still be rewarded.
        held = min(r, 1.3) if a > 0 else max(r, 0.8)
        expected -= w * a * held
        clipped["high" if a > 0 else "low"] += held != r
    assert min(clipped.values()) > 5
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    entropy = -(p * np.log(p)).sum(-1)[rows, columns]
    for name, value in {
        "entropy": entropy.mean(),
        "clip_fraction": sum(clipped.values()) / len(ratio),
        "clip_fraction/low": clipped["low"] / len(ratio),
        "clip_fraction/high": clipped["high"] / len(ratio),
        "logprob_gap": np.abs(log_ratio).mean(),
        "logprob_gap_max": np.abs(log_ratio).max(),
        "sampler_kl": (ratio - 1 - log_ratio).mean(),
        "sampler_kl/max": (ratio - 1 - log_ratio).max(),
        "sampler_kl/k1": -log_ratio.mean(),
        "ratio/mean": ratio.mean(),
        "ratio/max": ratio.max(),
        "ratio/chi2": (ratio**2).mean() - 1,
    }.items():
        np.testing.assert_allclose(figures[name].reduce(), value, rtol=1e-5, err_msg=name)


def test_a_clipped_token_has_no_gradient_and_an_untrained_one_never(problem):
    logits, batch = problem
    gradient = jax.grad(lambda x: policy_loss(Table(x), batch, temperature=TEMPERATURE)[0])(
        jnp.asarray(logits)
    )
    z = logits / TEMPERATURE
    logprobs = z - np.log(np.exp(z).sum(-1, keepdims=True))
    ratio = np.exp(
        np.take_along_axis(logprobs, batch.targets[..., None], -1)[..., 0] - batch.sampler_logprobs
    )
    held = np.where(batch.advantages > 0, ratio > 1.2, ratio < 0.8)
    moves = np.abs(gradient).max(-1) > 0
    np.testing.assert_array_equal(moves, (batch.loss_weights > 0) & ~held)


def test_on_policy_the_gradient_is_reinforces(tiny_model, group):
    """Where the sampler is the model itself, every ratio is 1 and clipping does nothing."""
    graph, params = split_model(tiny_model)
    episodes = group([0.0, 1.0, 0.5])
    batch = to_batch([episodes], [PolicyGradient().signal(episodes)], 64, 2)

    @jax.jit
    @functools.partial(jax.grad, has_aux=True)
    def reinforce(params):
        model = join_model(graph, params)
        hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
        logprobs = token_logprobs(model, hidden, batch.targets, TEMPERATURE)[0]
        return -jnp.sum(batch.loss_weights * batch.advantages * logprobs), logprobs

    expected, logprobs = reinforce(params)
    own = dataclasses.replace(batch, sampler_logprobs=logprobs)
    (loss, figures), ours = jax.jit(
        jax.value_and_grad(
            lambda params: policy_loss(join_model(graph, params), own, temperature=TEMPERATURE), has_aux=True
        )
    )(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), ours, expected)
    np.testing.assert_allclose(loss, -np.sum(batch.loss_weights * batch.advantages), atol=1e-5)
    assert figures["clip_fraction"].reduce() == 0
    assert figures["logprob_gap_max"].reduce() < 1e-5
