import dataclasses

import jax
import numpy as np
import pytest

from astra_jax.rl.algorithms import PolicyGradient
from astra_jax.rl.batching import to_batch
from astra_jax.rl.correction import Correction
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.rl.update_metrics import update_metrics
from astra_jax.training.diagnostics import reduce_all

pytestmark = pytest.mark.usefixtures("compile_quickly")


class Given:
    """A model that gives each token the log-prob that it is told."""

    def __init__(self, logprobs_BxT):
        self.logprobs = logprobs_BxT

    def __call__(self, tokens, positions, segments, parents):
        return self.logprobs

    def scorer(self):
        return lambda hidden, targets, temperature: (hidden, np.zeros(targets.shape, np.float32))


@pytest.fixture
def batch(group):
    episodes = group([0.0, 1.0, 0.5])
    return to_batch([episodes], [PolicyGradient().signal(episodes)], 64, 2, share_prompts=False)


def figures_of(batch, log_rho, correction=None):
    """What an update reports of a policy that differs from the sampler by `log_rho`, [B, T]."""
    model = Given(batch.sampler_logprobs + log_rho)
    objective = Objective(correction=correction or Correction())
    figures = policy_loss(model, batch, temperature=1.0, objective=objective)[1]
    reduced = reduce_all(jax.tree.map(lambda x: x[None], figures))
    return {name: float(value) for name, value in reduced.items()}


@pytest.fixture
def log_rho(batch):
    return np.random.default_rng(0).normal(0.1, 0.5, batch.tokens.shape).astype(np.float32)


def test_perplexities_are_of_trained_tokens_and_their_ratio_is_the_trainers_by_the_samplers(batch, log_rho):
    metrics = update_metrics(batch, figures_of(batch, log_rho))
    trained = batch.loss_weights > 0
    sampler, trainer = batch.sampler_logprobs[trained], (batch.sampler_logprobs + log_rho)[trained]
    expected = {
        "perplexity/sampler": np.exp(-sampler.mean()),
        "perplexity/trainer": np.exp(-trainer.mean()),
        "perplexity/ratio": np.exp(sampler.mean() - trainer.mean()),
    }
    assert metrics == pytest.approx(expected, rel=1e-4)


def test_importance_weights_have_a_spread_and_an_effective_share(batch, log_rho):
    figures = figures_of(batch, log_rho, Correction(True, "tis", tis_cap=1.2))
    weights = np.minimum(np.exp(log_rho), 1.2)[batch.loss_weights > 0]
    assert figures["importance/std"] == pytest.approx(weights.std(), rel=1e-4)
    assert figures["importance/min"] == pytest.approx(weights.min(), rel=1e-4)
    share = update_metrics(batch, figures)["importance/effective_fraction"]
    assert share == pytest.approx(weights.sum() ** 2 / (len(weights) * np.sum(weights**2)), rel=1e-4)


def test_what_a_cap_holds_and_what_a_mask_takes_are_shares_of_trained_tokens(batch, log_rho):
    trained, rho = batch.loss_weights > 0, np.exp(log_rho)
    capped = figures_of(batch, log_rho, Correction(True, "tis", tis_cap=1.2))
    assert capped["importance/capped_fraction"] == pytest.approx((rho[trained] > 1.2).mean())
    masked = figures_of(batch, log_rho, Correction(False, "icepop", icepop_low=0.9, icepop_high=1.2))
    out = (rho < 0.9) | (rho > 1.2)
    for name, of in {"positive": batch.advantages > 0, "negative": batch.advantages < 0}.items():
        assert out[trained & of].any()
        assert masked[f"importance/masked_fraction/{name}"] == pytest.approx(out[trained & of].mean())
    assert "importance/capped_fraction" not in masked


def test_where_all_is_masked_nothing_is_in_effect(batch, log_rho):
    figures = figures_of(batch, log_rho, Correction(False, "icepop", icepop_low=7.0, icepop_high=9.0))
    assert update_metrics(batch, figures)["importance/effective_fraction"] == 0


def test_masked_tokens_are_not_in_effect_and_the_others_wholly(batch):
    log_rho = np.where(np.arange(64) % 2, 0.0, 3.0).astype(np.float32) + np.zeros(
        batch.tokens.shape, np.float32
    )
    figures = figures_of(batch, log_rho, Correction(False, "icepop"))
    share = update_metrics(batch, figures)["importance/effective_fraction"]
    assert share == pytest.approx(1 - figures["importance/masked_fraction"])
    assert 0 < share < 1


def test_of_a_batch_in_which_rows_are_padding_only_tokens_count(batch, log_rho):
    figures = figures_of(batch, log_rho)
    padding = np.zeros_like(batch.loss_weights)
    longer = dataclasses.replace(
        batch,
        loss_weights=np.concatenate([batch.loss_weights, padding]),
        sampler_logprobs=np.concatenate([batch.sampler_logprobs, padding - 7]),
    )
    assert update_metrics(longer, figures) == update_metrics(batch, figures)


def test_neither_a_batch_without_tokens_nor_a_policy_that_came_apart_ends_the_run(batch):
    nothing = dataclasses.replace(batch, loss_weights=np.zeros_like(batch.loss_weights))
    assert update_metrics(nothing, {"sampler_kl/k1": 0.0}) == {}
    assert update_metrics(batch, {"sampler_kl/k1": 1e4})["perplexity/ratio"] == np.inf
