"""Losses and gradients of all algorithms and corrections against a second implementation, episode by episode."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.vocabulary import score
from astra_jax.rl.algorithms import ALGORITHMS, make_algorithm
from astra_jax.rl.batching import to_batch
from astra_jax.rl.correction import Correction
from astra_jax.rl.kl import ESTIMATORS
from astra_jax.rl.loss import Objective, policy_loss
from astra_jax.rl.step import make_objective
from astra_jax.rl.surrogates import SURROGATES
from astra_jax.training.batch import PackedBatch
from astra_jax.training.diagnostics import reduce_all
from astra_jax.training.settings import BadSetting

pytestmark = pytest.mark.usefixtures("compile_quickly")
CONSTANT = 20.0
LENGTH, ROWS = 48, 8  # one shape for all, as each is compiled


class GivenLogprobs:
    """A model in which each token of a vocabulary has a log-prob of its own, whatever comes before it."""

    def __init__(self, logprobs_V):
        self.logprobs = logprobs_V

    def __call__(self, tokens, positions, segments, parents):
        return self.logprobs[tokens]

    def scorer(self):
        return lambda hidden, targets, temperature: (self.logprobs[targets], jnp.zeros(targets.shape))


@pytest.fixture(scope="module")
def groups(group):
    """Ragged groups in which no two sampled tokens are the same token, so that each has a gradient of its own."""
    groups = [group([0.0, 1.0, 0.5]), group([0.25, 0.25, 0.8, 0.0], seed=1, prompt_length=5)]
    ids = iter(range(1, 1000))
    for episodes in groups:
        prompt = [next(ids) for _ in range(episodes[0].prompt_length)]
        for episode in episodes:
            episode.token_ids = prompt + [next(ids) for _ in episode.token_ids[len(prompt) :]]
    return groups


@pytest.fixture(scope="module")
def logprobs(groups):
    """The policy's, near those of the sampler and yet beyond every bound at times."""
    rng = np.random.default_rng(1)
    logprobs = np.zeros(1 + max(max(e.token_ids) for of in groups for e in of), np.float32)
    for episode in (episode for of in groups for episode in of):
        drift = rng.normal(0, 0.02) + rng.normal(0, 0.4, len(episode.token_ids)) * (rng.random() < 0.7)
        logprobs[episode.token_ids] = np.where(episode.loss_mask, episode.logprobs + drift, 0)
    return logprobs


def advantages_of(name, rewards, counts):
    """Of each episode of each group, written out."""
    if name not in ("reinforce_pp", "reinforce_pp_baseline"):
        return [_in_group(name, reward, of) for of in rewards for reward in of]
    baseline = {True: lambda of: sum(of) / len(of), False: lambda of: 0}[name.endswith("baseline")]
    raw = [reward - baseline(of) for of in rewards for reward in of]
    tokens = [value for value, count in zip(raw, counts, strict=True) for _ in range(count)]
    return [(value - np.mean(tokens)) / (np.std(tokens) + 1e-6) for value in raw]


def _in_group(name, reward, rewards):
    size, mean = len(rewards), sum(rewards) / len(rewards)
    if name == "dr_grpo":
        return reward - mean
    if name == "rloo":
        return (reward - mean) * size / (size - 1)
    return (reward - mean) / ((sum((r - mean) ** 2 for r in rewards) / size) ** 0.5 + 1e-6)


def ppo_gain(ratio, advantage, low, high):
    """The gain of a ratio, and its derivative by the ratio."""
    held = min(ratio, 1 + high) if advantage > 0 else max(ratio, 1 - low)
    return held * advantage, advantage * (held == ratio)


def gains_of(name, logprob, log_ratio, advantage, low, high):
    """Each token's gain, and the derivative of their sum by each token's log-prob."""
    ratio = np.exp(log_ratio)
    if name == "gspo":
        s = np.exp(log_ratio.mean())
        gain, slope = ppo_gain(s, advantage, low, high)
        return np.full(len(ratio), gain), np.full(len(ratio), slope * s)
    if name == "cispo":
        kept = np.clip(ratio, 1 - low, 1 + high)
        return kept * advantage * logprob, kept * advantage
    both = [ppo_gain(r, advantage, low, high) for r in ratio]
    return np.array([gain for gain, _ in both]), np.array([slope for _, slope in both]) * ratio


def by_hand(logprobs, name, groups, correct=lambda log_rho: np.ones(len(log_rho)), decoupled=False):
    """Loss of an update and its gradient, from each algorithm's equation in docs/algorithms.md, in float64."""
    parts = ALGORITHMS[name]
    episodes = [episode for of in groups for episode in of]
    counts = [sum(episode.loss_mask) for episode in episodes]
    advantages = advantages_of(name, [[e.reward.f1 for e in of] for of in groups], counts)
    loss, gradient = 0.0, np.zeros(len(logprobs))
    for episode, count, advantage in zip(episodes, counts, advantages, strict=True):
        sampled = np.flatnonzero(episode.loss_mask)
        ids = np.array(episode.token_ids)[sampled]
        logprob = logprobs[ids].astype(np.float64)
        log_rho = logprob - np.array(episode.logprobs)[sampled]
        log_ratio = 0 * log_rho if decoupled else log_rho
        gains, slopes = gains_of(name, logprob, log_ratio, advantage, parts.clip_low, parts.clip_high)
        divisor = {"gspo": count * len(episodes)} | dict.fromkeys(
            ("dr_grpo", "rloo"), CONSTANT * len(episodes)
        )
        weights = correct(log_rho) / divisor.get(name, sum(counts))
        loss -= np.sum(weights * gains)
        # A ratio of a whole episode depends on each of its tokens, which weigh alike in it.
        gradient[ids] -= weights.mean() * slopes if name == "gspo" else weights * slopes
    return loss, gradient


def as_rows(groups, algorithm, share_prompts=True) -> PackedBatch:
    signals = algorithm.of_batch([algorithm.signal(episodes) for episodes in groups])
    return to_batch(groups, signals, LENGTH, ROWS, share_prompts)


def updated(model, parameter, batch, objective):
    """Loss, gradient and figures, operation by operation: that takes less time than to compile each objective."""

    def loss(parameter):
        return policy_loss(
            model(parameter), jax.tree.map(jnp.asarray, batch), temperature=1.0, objective=objective
        )

    (value, figures), gradient = jax.value_and_grad(loss, has_aux=True)(jnp.asarray(parameter))
    return value, gradient, reduce_all(jax.device_get(figures))


def assert_same(got, expected):
    np.testing.assert_allclose(got[0], expected[0], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], expected[1], rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_is_its_equation_whatever_the_rows(settings, logprobs, groups, name):
    config = settings(f"algorithm={name}", f"dr_grpo_tokens={CONSTANT}")
    algorithm, objective = make_algorithm(config), make_objective(config)
    expected = by_hand(logprobs, name, groups)
    assert (np.abs(expected[1]) > 1e-4).any()
    for share_prompts in (True, False):
        batch = as_rows(groups, algorithm, share_prompts)
        value, gradient, figures = updated(GivenLogprobs, logprobs, batch, objective)
        assert_same((value, gradient), expected)
        assert figures["clip_fraction"] > 0 or name == "cispo", "a bound that nothing meets is not tested"


# What a correction makes of the log-ratios of an episode's tokens.
def tis(log_rho):
    return np.minimum(np.exp(log_rho), 1.2)


def icepop(log_rho):
    return np.where(np.abs(log_rho) < 0.3, np.exp(log_rho), 0)


def icepop_mask(log_rho):
    return 1.0 * (np.abs(log_rho) < 0.3)


def sequence_mask(log_rho):
    return np.ones(len(log_rho)) * (0.95 <= np.exp(log_rho.mean()) <= 1.05)


BOUNDS = {"icepop_low": float(np.exp(-0.3)), "icepop_high": float(np.exp(0.3))}
BOUNDS |= {"sequence_low": 0.95, "sequence_high": 1.05}
CORRECTIONS = {
    "tis": (Correction(True, "tis", tis_cap=1.2), tis),
    "icepop": (Correction(True, "icepop", **BOUNDS), icepop),
    "icepop, two policies": (Correction(False, "icepop", **BOUNDS), icepop_mask),
    "sequence, two policies": (Correction(False, "none", sequence="mask", **BOUNDS), sequence_mask),
    "tis and sequence": (
        Correction(True, "tis", 1.2, sequence="mask", **BOUNDS),
        lambda log_rho: tis(log_rho) * sequence_mask(log_rho),
    ),
    "none, decoupled": (Correction(True), lambda log_rho: np.ones(len(log_rho))),
}


@pytest.mark.parametrize("name", ["grpo", "gspo", "cispo"])
@pytest.mark.parametrize("correction", CORRECTIONS)
def test_each_correction_is_its_equation_whatever_the_rows(settings, logprobs, groups, name, correction):
    made, correct = CORRECTIONS[correction]
    config = settings(f"algorithm={name}")
    objective = dataclasses.replace(make_objective(config), correction=made)
    expected = by_hand(logprobs, name, groups, correct, made.decoupled)
    batch = as_rows(groups, make_algorithm(config))
    value, gradient, figures = updated(GivenLogprobs, logprobs, batch, objective)
    assert_same((value, gradient), expected)
    if made.is_active:
        assert 0 < figures["importance/mean"] < 1.2
        assert (figures["importance/masked_fraction"] > 0) == (correction != "tis")


def weights_of(correction, ratios, segments):
    log_rho = jnp.log(jnp.asarray([ratios]))
    return correction.weights(log_rho, jnp.ones((1, len(ratios)), bool), jnp.asarray([segments]))[0]


def test_hand_made_ratios_get_the_weights_that_papers_give_them():
    ratios, segments = [0.1, 0.5, 1.0, 2.0, 6.0], [1, 1, 2, 2, 2]
    kept = np.array(ratios)
    np.testing.assert_allclose(
        weights_of(Correction(True, "tis"), ratios, segments), np.minimum(kept, 2), rtol=1e-6
    )
    inside = np.array([0, 1, 1, 1, 0])
    just = {"icepop_low": 0.499, "icepop_high": 5.0}
    np.testing.assert_allclose(
        weights_of(Correction(True, "icepop", **just), ratios, segments), kept * inside, rtol=1e-6
    )
    np.testing.assert_allclose(
        weights_of(Correction(False, "icepop", **just), ratios, segments), inside, rtol=1e-6
    )


def test_a_sequence_is_masked_by_the_geometric_mean_of_its_own_ratios():
    """The second has ratios far from 1 that make up for each other; the first is a little off throughout."""
    ratios, segments = [1.02, 1.02, 0.5, 2.0, 1.0], [1, 1, 2, 2, 3]
    masked = weights_of(Correction(False, sequence="mask"), ratios, segments)
    assert masked.tolist() == [0, 0, 1, 1, 1]


def test_a_token_that_is_masked_stays_in_the_divisor(settings, logprobs, groups):
    batch = as_rows(groups, make_algorithm(settings()))
    nothing = Objective(correction=Correction(False, "icepop", icepop_low=7.0, icepop_high=9.0))
    value, gradient, figures = updated(GivenLogprobs, logprobs, batch, nothing)
    assert (value, np.abs(gradient).max(), figures["importance/masked_fraction"]) == (0, 0, 1)
    all_of_it = Objective(correction=Correction(False, "icepop", icepop_low=0.0, icepop_high=1e9))
    plain = updated(GivenLogprobs, logprobs, batch, Objective())
    np.testing.assert_array_equal(updated(GivenLogprobs, logprobs, batch, all_of_it)[1], plain[1])


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("correction", [Correction(), Correction(True), Correction(True, "tis")])
def test_on_policy_every_surrogate_has_the_gradient_of_reinforce(
    settings, logprobs, groups, surrogate, correction
):
    """Where the sampler is the policy itself: d log pi * A, bit for bit but for how means are taken."""
    batch = as_rows(groups, make_algorithm(settings()))
    own = dataclasses.replace(batch, sampler_logprobs=logprobs[batch.targets])
    objective = Objective(surrogate=surrogate, correction=correction)
    _, gradient, figures = updated(GivenLogprobs, logprobs, own, objective)
    expected = np.zeros(len(logprobs), np.float32)
    np.subtract.at(expected, batch.targets, batch.loss_weights * batch.advantages)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)
    assert figures["clip_fraction"] == 0


V = LENGTH  # so that nothing is compiled anew


class Table:
    """A model whose logits after a token are a row of a table."""

    def __init__(self, table_VxV):
        self.table = table_VxV

    def __call__(self, tokens, positions, segments, parents):
        return self.table[tokens]

    def scorer(self):
        return lambda hidden, targets, temperature: score(hidden / temperature, targets)


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(V, V)).astype(np.float32)


@pytest.fixture(scope="module")
def everything(table):
    """A batch with every token after some tokens, weighed by its probability: its sums are expectations."""
    probabilities = np.exp(table[:ROWS]) / np.exp(table[:ROWS]).sum(-1, keepdims=True)
    other = np.roll(table, 1, axis=0)[:ROWS]
    targets = np.tile(np.arange(V), (ROWS, 1))
    return PackedBatch(
        tokens=np.repeat(np.arange(ROWS), V).reshape(ROWS, V),
        targets=targets,
        positions=targets,
        segment_ids=np.ones_like(targets),
        parent_ids=None,
        loss_weights=probabilities,
        advantages=np.zeros((ROWS, V), np.float32),
        sampler_logprobs=np.log(probabilities),
        reference_logprobs=other - np.log(np.exp(other).sum(-1, keepdims=True)),
    )


def policy_kl(table, reference):
    p = jax.nn.log_softmax(table[:ROWS])
    return jnp.sum(jnp.exp(p) * (p - reference))


def reference_kl(table, reference):
    p = jax.nn.log_softmax(table[:ROWS])
    return jnp.sum(jnp.exp(reference) * (reference - p))


@pytest.mark.parametrize(
    ("estimator", "teaches"),
    [("k1", lambda table, _: 0.0 * table.sum()), ("k2", policy_kl), ("k3", reference_kl)],
)
def test_a_kl_estimators_gradient_is_the_one_that_it_is_known_for(table, everything, estimator, teaches):
    objective = Objective(kl_coefficient=0.5, kl_estimator=estimator)
    value, gradient, figures = updated(Table, table, everything, objective)
    expected = 0.5 * jax.grad(teaches)(jnp.asarray(table), everything.reference_logprobs)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=2e-6)
    p, q = np.log(everything.loss_weights), everything.reference_logprobs
    d = p - q
    estimates = {"k1": d, "k2": d**2 / 2, "k3": np.exp(-d) - 1 + d}
    np.testing.assert_allclose(value, 0.5 * np.sum(np.exp(p) * estimates[estimator]), rtol=1e-4)
    assert figures["loss/policy"] == 0, "no token has an advantage"
    for name in ESTIMATORS:
        np.testing.assert_allclose(figures[f"reference_kl/{name}"], estimates[name].mean(), rtol=1e-4)


def test_k1_and_k3_expect_the_kl_itself(table, everything):
    kl = policy_kl(table, everything.reference_logprobs)
    for estimator in ("k1", "k3"):
        value, *_ = updated(Table, table, everything, Objective(kl_coefficient=1.0, kl_estimator=estimator))
        np.testing.assert_allclose(value, kl, rtol=1e-4)


def test_the_policys_own_loss_is_reported_apart(settings, logprobs, groups):
    """With an entropy bonus, of which a model of given log-probs has none."""
    batch = as_rows(groups, make_algorithm(settings()))
    alone = updated(GivenLogprobs, logprobs, batch, Objective())
    value, _, figures = updated(GivenLogprobs, logprobs, batch, Objective(entropy_coefficient=0.5))
    assert figures["loss/policy"] == value == alone[0] != 0
    assert "loss/policy" not in alone[2]


def test_an_entropy_bonus_climbs_the_entropy(table, everything):
    even = dataclasses.replace(everything, loss_weights=np.full((ROWS, V), 1 / V, np.float32))

    def entropy(table):
        p = jax.nn.log_softmax(table[:ROWS])
        return -jnp.sum(jnp.exp(p) * p)

    _, gradient, _ = updated(Table, table, even, Objective(entropy_coefficient=0.5))
    np.testing.assert_allclose(gradient, -0.5 * jax.grad(entropy)(jnp.asarray(table)), rtol=1e-3, atol=1e-7)


def test_by_default_the_model_is_called_once_and_nothing_corrects(settings, logprobs, groups):
    calls = []

    class Counted(GivenLogprobs):
        def __call__(self, *arguments):
            calls.append(arguments)
            return super().__call__(*arguments)

    objective = make_objective(settings())
    _, _, figures = updated(Counted, logprobs, as_rows(groups, make_algorithm(settings())), objective)
    assert objective == Objective()
    assert len(calls) == 1
    assert not [name for name in figures if name.startswith(("importance", "reference"))]


def test_a_correction_that_the_ratio_has_in_it_already_is_refused(settings):
    with pytest.raises(BadSetting, match=r"config.correction.token is 'tis' and config.decoupled is False"):
        make_objective(settings("correction.token=tis"))
    assert make_objective(settings("correction.token=tis", "decoupled=true")).correction.is_active


@pytest.mark.parametrize(
    "override", ["correction.token=mis", "correction.sequence=geometric", "kl_estimator=k4"]
)
def test_an_unknown_name_is_refused_by_its_field(settings, override):
    field, value = override.split("=")
    with pytest.raises(BadSetting, match=f"config.{field} is '{value}'; known: "):
        make_objective(settings(override))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("clip_low=-0.1", "config.clip_low is -0.1"),
        ("clip_high=much", "config.clip_high is 'much'"),
        ("correction.icepop_low=1.5", r"config.correction.icepop_low is 1.5 and icepop_high 5.0"),
        ("correction.sequence_high=0.9", r"sequence_low is 0.99 and sequence_high 0.9"),
        ("correction.tis_cap=0.0", r"config.correction.tis_cap is 0.0"),
        ("dr_grpo_tokens=0.0", "config.dr_grpo_tokens is 0.0"),
        ("kl_coefficient=-0.1", "config.kl_coefficient is -0.1"),
    ],
)
def test_a_bound_that_nothing_can_meet_is_refused(settings, override, sentence):
    with pytest.raises(BadSetting, match=sentence):
        make_objective(settings(override))
