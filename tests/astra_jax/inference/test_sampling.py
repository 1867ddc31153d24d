"""Draws follow the distribution that was asked for, and one row's request is nothing to another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.inference.sampling import EVERY_BIT, Choice, sample, top_logprobs, words_of

V = 300


def choice(rows: int, **changes) -> Choice:
    fields = {
        "temperature_B": np.ones(rows, np.float32),
        "top_k_B": np.zeros(rows, np.int32),
        "top_p_B": np.ones(rows, np.float32),
        "allowed_BxW": np.full((rows, words_of(V)), EVERY_BIT),
        "seed_B": np.arange(rows, dtype=np.uint32),
    }
    return Choice(**{name: jnp.asarray(value) for name, value in (fields | changes).items()})


def logits(rows: int, seed: int = 0, scale: float = 2.0) -> jax.Array:
    return scale * jax.random.normal(jax.random.key(seed), (rows, V))


draw = jax.jit(sample)


def test_tokens_are_drawn_as_often_as_they_are_likely():
    rows = 20_000
    one = logits(1)
    tokens, logprobs = draw(jnp.broadcast_to(one, (rows, V)), choice(rows), jnp.full(rows, 7))
    expected = np.asarray(jax.nn.log_softmax(one[0]))
    np.testing.assert_allclose(logprobs, expected[tokens], atol=1e-5)
    seen = np.bincount(np.asarray(tokens), minlength=V) / rows
    likely = np.exp(expected)
    assert np.all(np.abs(seen - likely) < 5 * np.sqrt(likely / rows) + 2 / rows)


def test_greedy_takes_the_first_of_the_most_likely_and_scores_raw_logits():
    x = logits(4).at[:, 17].set(50.0).at[:, 250].set(50.0)
    tokens, logprobs = draw(x, choice(4, temperature_B=np.zeros(4, np.float32)), jnp.arange(4))
    assert tokens.tolist() == [17] * 4
    np.testing.assert_allclose(logprobs, [-np.log(2)] * 4, atol=1e-6)


def test_the_likeliest_are_those_of_what_is_drawn_from_before_anything_is_cut():
    x = logits(3).at[2, 40].set(50.0).at[2, 7].set(50.0)
    temperatures = np.array([0.0, 0.5, 1.0], np.float32)
    asked = choice(
        3, temperature_B=temperatures, top_k_B=np.full(3, 1), allowed_BxW=np.zeros((3, words_of(V)))
    )
    tokens, logprobs = top_logprobs(x, asked, 4)
    expected = np.asarray(jax.nn.log_softmax(x / jnp.array([1.0, 0.5, 1.0])[:, None]))
    assert tokens.tolist() == [np.argsort(-row, stable=True)[:4].tolist() for row in expected]
    assert tokens[2, :2].tolist() == [7, 40]
    np.testing.assert_allclose(logprobs, np.take_along_axis(expected, np.asarray(tokens), 1), atol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 40])
def test_top_k_draws_from_the_k_most_likely_alone(k):
    x = jnp.broadcast_to(logits(1), (4000, V))
    tokens, logprobs = draw(x, choice(4000, top_k_B=np.full(4000, k)), jnp.zeros(4000, int))
    best = np.argsort(-np.asarray(x[0]))[:k]
    assert (
        set(tokens.tolist()) == set(best.tolist()) if k < 40 else set(tokens.tolist()) <= set(best.tolist())
    )
    np.testing.assert_allclose(logprobs, jax.nn.log_softmax(x[0])[tokens], atol=1e-5)  # before the cut


def test_top_p_draws_from_the_fewest_that_reach_it():
    x = jnp.log(jnp.array([0.5, 0.3, 0.15, 0.05] + [1e-9] * (V - 4)))
    x = jnp.broadcast_to(x, (3000, V))
    for top_p, kept in ((0.4, {0}), (0.7, {0, 1}), (0.9, {0, 1, 2})):
        tokens, _ = draw(x, choice(3000, top_p_B=np.full(3000, top_p, np.float32)), jnp.zeros(3000, int))
        assert set(tokens.tolist()) == kept


def test_top_p_is_of_what_top_k_leaves():
    x = jnp.broadcast_to(jnp.log(jnp.array([0.4, 0.3, 0.2, 0.1] + [1e-9] * (V - 4))), (3000, V))
    both = choice(3000, top_k_B=np.full(3000, 2), top_p_B=np.full(3000, 0.5, np.float32))
    assert set(draw(x, both, jnp.zeros(3000, int))[0].tolist()) == {0}  # 0.4 of 0.7 is above a half


def test_a_grammar_is_obeyed_however_unlikely_what_it_allows():
    words = np.zeros((50, words_of(V)), np.uint32)
    words[:, 3] = 0b1010  # tokens 97 and 99
    x = logits(50).at[:, 5].set(500.0)
    tokens, logprobs = draw(x, choice(50, allowed_BxW=words), jnp.zeros(50, int))
    assert set(tokens.tolist()) == {97, 99}
    assert (np.asarray(logprobs) < -400).all()
    greedy = choice(50, allowed_BxW=words, temperature_B=np.zeros(50, np.float32))
    expected = np.where(x[:, 97] >= x[:, 99], 97, 99)
    assert draw(x, greedy, jnp.zeros(50, int))[0].tolist() == expected.tolist()


def test_a_row_that_restricts_nothing_is_the_same_bits_beside_one_that_does():
    x = logits(6)
    alone = draw(x, choice(6), jnp.arange(6))
    words = np.full((6, words_of(V)), EVERY_BIT)
    words[2] = 1
    mixed = choice(
        6, top_p_B=np.array([1, 1, 1, 0.5, 1, 1], np.float32), top_k_B=np.array([0, 5, 0, 0, 0, 0])
    )
    beside = draw(x, mixed._replace(allowed_BxW=jnp.asarray(words)), jnp.arange(6))
    free = [0, 4, 5]
    for ours, theirs in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(ours[jnp.array(free)], theirs[jnp.array(free)])


def test_the_seed_and_the_position_decide_a_draw():
    x = jnp.broadcast_to(logits(1), (64, V))
    same = draw(x, choice(64, seed_B=np.full(64, 5, np.uint32)), jnp.full(64, 3))[0]
    assert len(set(same.tolist())) == 1
    assert len(set(draw(x, choice(64), jnp.full(64, 3))[0].tolist())) > 10
    assert len(set(draw(x, choice(64, seed_B=np.full(64, 5, np.uint32)), jnp.arange(64))[0].tolist())) > 10
