import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from astra_jax.models.vocabulary import scorer
from astra_jax.training.diagnostics import Deviation, Maximum, Mean, Minimum, reduce_all
from astra_jax.training.loss import token_logprobs

B, T, D, V = 2, 13, 8, 17


class Head:
    """A model of which only the last layer is left."""

    def __init__(self, weights):
        self.weights = weights

    def scorer(self):
        return scorer(self.weights.T, "float32")


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.normal(size=(D, V)), jnp.float32)
    hidden = jnp.asarray(rng.normal(size=(B, T, D)), jnp.float32)
    return weights, hidden, jnp.asarray(rng.integers(0, V, (B, T)))


def test_logprobs_and_entropy_are_those_of_the_tempered_distribution(problem):
    weights, hidden, targets = problem
    logprob, entropy = token_logprobs(Head(weights), hidden, targets, temperature=0.7)
    p = np.asarray(jax.nn.softmax(hidden.astype(jnp.float32) @ weights / 0.7), np.float64)
    np.testing.assert_allclose(
        logprob, np.log(np.take_along_axis(p, targets[..., None], -1)[..., 0]), rtol=1e-5
    )
    np.testing.assert_allclose(entropy, -(p * np.log(p)).sum(-1), rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 4, 5, 12, 99])
def test_chunks_change_neither_values_nor_gradients(problem, chunk):
    weights, hidden, targets = problem

    def total(weights, hidden, chunk):
        logprob, entropy = token_logprobs(Head(weights), hidden, targets, 1.3, chunk)
        return (logprob * jnp.arange(T)).sum() + (entropy**2).sum()

    whole = jax.value_and_grad(total, (0, 1))(weights, hidden, 0)
    parts = jax.value_and_grad(total, (0, 1))(weights, hidden, chunk)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5), whole, parts)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("chunk", [0, 4])
def test_tokens_not_asked_for_have_neither_value_nor_gradient(problem, share, chunk):
    weights, hidden, targets = problem
    mask = jnp.asarray(np.random.default_rng(1).random((B, T)) < share)

    def masked_inside(weights, hidden):
        logprob, entropy = token_logprobs(Head(weights), hidden, targets, 1.3, chunk, mask)
        return (logprob * jnp.arange(T)).sum() + (entropy**2).sum(), (logprob, entropy)

    def masked_outside(weights, hidden):
        scores = token_logprobs(Head(weights), hidden, targets, 1.3)
        logprob, entropy = (jnp.where(mask, score, 0.0) for score in scores)
        return (logprob * jnp.arange(T)).sum() + (entropy**2).sum(), (logprob, entropy)

    ours, theirs = (
        jax.value_and_grad(f, (0, 1), has_aux=True)(weights, hidden) for f in (masked_inside, masked_outside)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5), ours, theirs)


def test_all_logits_never_exist_at_one_time(problem):
    weights, hidden, targets = problem
    grad = jax.grad(lambda w: token_logprobs(Head(w), hidden, targets, chunk=3)[0].sum())
    shapes = {aval.shape for aval in _all_shapes(jax.make_jaxpr(grad)(weights).jaxpr)}
    assert {(B, 1, 3, V), (B * 3, V)} & shapes
    assert not any(V in shape and int(np.prod(shape)) >= B * T * V for shape in shapes)


KINDS = {"mean": Mean, "max": Maximum, "min": Minimum, "std": Deviation}


def in_parts(values, mask, parts):
    """Figures of a batch that is taken in parts; a part without a token is all zeros, as `accumulate` has it."""
    figures = [{name: kind.over(values[p], mask[p]) for name, kind in KINDS.items()} for p in parts]
    nothing = jax.tree.map(jnp.zeros_like, figures[0])
    taken = [of if mask[p].any() else nothing for of, p in zip(figures, parts, strict=True)]
    return reduce_all(jax.tree.map(lambda *x: jnp.stack(x), *taken))


def test_figures_of_micro_batches_add_up_to_those_of_the_batch():
    values = jnp.array([9.0, 1.0, 2.0, 3.5, 0.0, 7.0, 7.0, 7.0])
    mask = jnp.array([0, 1, 1, 1, 0, 0, 0, 0], bool)
    figures = in_parts(values, mask, [slice(0, 2), slice(2, 5), slice(5, 8)])
    kept = np.asarray(values)[np.asarray(mask)]
    expected = {"mean": kept.mean(), "max": 3.5, "min": 1.0, "std": kept.std()}
    assert {name: float(value) for name, value in figures.items()} == pytest.approx(expected)


def test_a_small_deviation_is_not_lost_beside_a_large_mean():
    values = 1 + 1e-5 * jnp.arange(64.0)
    figures = in_parts(values, jnp.ones(64, bool), [slice(0, 24), slice(24, 64)])
    np.testing.assert_allclose(figures["std"], np.asarray(values, np.float64).std(), rtol=1e-3)


def test_figures_of_nothing_are_zero():
    figures = reduce_all({name: kind.over(jnp.ones(3), jnp.zeros(3, bool)) for name, kind in KINDS.items()})
    assert {name: float(value) for name, value in figures.items()} == dict.fromkeys(KINDS, 0.0)


def _all_shapes(jaxpr):
    for equation in jaxpr.eqns:
        yield from (v.aval for v in equation.outvars)
        for inner in jaxprs_in_params(equation.params):
            yield from _all_shapes(inner)
