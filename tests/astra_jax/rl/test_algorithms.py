import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_jax.rl.algorithms import GRPO, DrGRPO, is_informative

ALGORITHMS = [GRPO(), DrGRPO(tokens_per_episode=64.0)]
both = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=["grpo", "dr_grpo"])
# Rewards of an arena of three gold calls.
choices = st.sampled_from([0.0, 0.25, 1 / 3, 0.4, 0.5, 2 / 3, 0.8, 1.0])
several = st.lists(choices, min_size=2, max_size=8)
differing = several.filter(lambda rewards: max(rewards) > min(rewards))


def of_tokens(signal) -> np.ndarray:
    """Each episode's advantage, read off its sampled tokens."""
    return np.array([a[w > 0][0] for a, w in zip(signal.advantages, signal.weights, strict=True)])


@both
@given(values=differing, seed=st.integers(0, 99))
def test_advantages_sum_to_nothing_and_keep_the_order_of_rewards(group, algorithm, values, seed):
    advantages = of_tokens(algorithm.signal(group(values, seed=seed)))
    assert abs(advantages.sum()) < 1e-5 * len(values)
    for i, first in enumerate(values):
        for j, second in enumerate(values):
            assert np.sign(advantages[i] - advantages[j]) == np.sign(first - second)


@given(values=differing)
def test_grpo_is_the_papers_formula(group, values):
    episodes = group(values)
    signal = GRPO().signal(episodes)
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    expected = [(value - mean) / (deviation + 1e-6) for value in values]
    np.testing.assert_allclose(of_tokens(signal), expected, rtol=1e-6, atol=1e-6)
    assert signal.denominators == [sum(episode.loss_mask) for episode in episodes]


@given(values=differing)
def test_dr_grpo_neither_divides_by_the_deviation_nor_counts_tokens(group, values):
    signal = DrGRPO(tokens_per_episode=64.0).signal(group(values))
    expected = [value - statistics.fmean(values) for value in values]
    np.testing.assert_allclose(of_tokens(signal), expected, rtol=1e-6, atol=1e-6)
    assert signal.denominators == [64.0] * len(values)


@both
@given(values=differing.map(lambda rewards: [0.5 * reward for reward in rewards]), shift=st.floats(0, 0.5))
def test_a_reward_that_all_get_changes_nothing(group, algorithm, values, shift):
    def with_rewards(rewards):
        episodes = group([0.0] * len(rewards))
        for episode, reward in zip(episodes, rewards, strict=True):
            episode.reward = episode.reward.model_copy(update={"f1": reward})
        return of_tokens(algorithm.signal(episodes))

    shifted = with_rewards([value + shift for value in values])
    np.testing.assert_allclose(shifted, with_rewards(values), rtol=1e-5, atol=1e-5)


@both
@given(value=choices, size=st.integers(1, 8))
def test_a_group_of_one_reward_says_nothing(group, algorithm, value, size):
    assert algorithm.signal(group([value] * size)) is None


def test_a_spread_must_exceed_its_bound():
    assert not is_informative(np.array([0.5, 0.6]), min_spread=0.1 + 1e-9)
    assert is_informative(np.array([0.5, 0.6]), min_spread=0.1 - 1e-9)
    assert not is_informative(np.array([0.1 + 0.2, 0.3]), min_spread=1e-6)


@both
@given(values=differing, seed=st.integers(0, 99))
def test_only_sampled_tokens_have_weight_and_advantage(group, algorithm, values, seed):
    episodes = group(values, seed=seed)
    signal = algorithm.signal(episodes)
    for episode, advantages, weights in zip(episodes, signal.advantages, signal.weights, strict=True):
        assert weights.tolist() == episode.loss_mask
        assert advantages[weights == 0].tolist() == [0.0] * (len(weights) - sum(episode.loss_mask))
        assert len(set(advantages[weights > 0].tolist())) == 1


@both
def test_an_unknown_reward_is_refused(group, algorithm):
    episodes = group([0.0, None, 1.0])
    with pytest.raises(ValueError, match=f"episode {episodes[1].id} has no reward"):
        algorithm.signal(episodes)
