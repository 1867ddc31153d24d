import functools
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from astra_jax.rl.algorithms import ALGORITHMS, is_informative, make_algorithm, parts_of
from astra_jax.training.settings import BadSetting

# Rewards of an arena of three gold calls.
choices = st.sampled_from([0.0, 0.25, 1 / 3, 0.4, 0.5, 2 / 3, 0.8, 1.0])
several = st.lists(choices, min_size=2, max_size=8)
differing = several.filter(lambda rewards: max(rewards) > min(rewards))
each = pytest.mark.parametrize("name", ALGORITHMS)
few = hypothesis_settings(deadline=None, max_examples=20)  # as each holds for every algorithm


@pytest.fixture(scope="module")
def algorithm(settings):
    """Builds the algorithm of a name, where an episode counts 64 tokens in a constant mean."""

    @functools.cache  # as a configuration takes longer to read than a group to judge
    def build(name, *overrides):
        return make_algorithm(settings(f"algorithm={name}", "dr_grpo_tokens=64", *overrides))

    return build


def of_tokens(signal) -> np.ndarray:
    """Each episode's advantage, read off its sampled tokens."""
    return np.array([a[w > 0][0] for a, w in zip(signal.advantages, signal.weights, strict=True)])


def of_batch(algorithm, *groups) -> list[np.ndarray]:
    """Each group's advantages in an update of all of them."""
    signals = [algorithm.signal(group) for group in groups]
    return [of_tokens(signal) for signal in algorithm.of_batch(signals)]


@each
@few
@given(values=differing, seed=st.integers(0, 99))
def test_advantages_keep_the_order_of_rewards(group, algorithm, name, values, seed):
    (advantages,) = of_batch(algorithm(name), group(values, seed=seed))
    for i, first in enumerate(values):
        for j, second in enumerate(values):
            assert np.sign(advantages[i] - advantages[j]) == np.sign(first - second)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "reinforce_pp"])
@few
@given(values=differing)
def test_a_groups_advantages_sum_to_nothing_where_the_group_is_the_baseline(group, algorithm, name, values):
    assert abs(of_tokens(algorithm(name).signal(group(values))).sum()) < 1e-5 * len(values)


@pytest.mark.parametrize("name", ["grpo", "dapo", "gspo", "cispo"])
@few
@given(values=differing)
def test_these_are_normalised_by_the_groups_deviation(group, algorithm, name, values):
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    expected = [(value - mean) / (deviation + 1e-6) for value in values]
    np.testing.assert_allclose(
        of_tokens(algorithm(name).signal(group(values))), expected, rtol=1e-6, atol=1e-6
    )


@few
@given(values=differing)
def test_dr_grpo_does_not_divide_by_the_deviation(group, algorithm, values):
    expected = [value - statistics.fmean(values) for value in values]
    advantages = of_tokens(algorithm("dr_grpo").signal(group(values)))
    np.testing.assert_allclose(advantages, expected, rtol=1e-6, atol=1e-6)


@few
@given(values=differing)
def test_rloo_compares_an_episode_with_the_others_alone(group, algorithm, values):
    expected = [
        value - statistics.fmean(values[:i] + values[i + 1 :]) for i, value in enumerate(values)
    ]  # the baseline has no part of the episode itself
    advantages = of_tokens(algorithm("rloo").signal(group(values)))
    np.testing.assert_allclose(advantages, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["reinforce_pp", "reinforce_pp_baseline"])
@few
@given(one=differing, other=differing)
def test_reinforce_pp_has_mean_0_and_deviation_1_over_the_tokens_of_the_batch(
    group, algorithm, name, one, other
):
    groups = [group(one, seed=1), group(other, seed=2)]
    made = algorithm(name)
    signals = made.of_batch([made.signal(episodes) for episodes in groups])
    tokens = [a[w > 0] for signal in signals for a, w in zip(signal.advantages, signal.weights, strict=True)]
    np.testing.assert_allclose(np.concatenate(tokens).mean(dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(tokens).std(dtype=np.float64), 1, rtol=1e-4)
    rewards = [np.array(values) - (np.mean(values) if "baseline" in name else 0) for values in (one, other)]
    counts = [sum(e.loss_mask) for episodes in groups for e in episodes]
    spread = np.repeat(np.concatenate(rewards), counts)
    expected = (np.concatenate(rewards) - spread.mean()) / (spread.std() + 1e-6)
    got = np.concatenate([of_tokens(signal) for signal in signals])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@each
@few
@given(values=differing, seed=st.integers(0, 99))
def test_weights_and_shares_are_those_of_the_mean(group, algorithm, name, values, seed):
    episodes = group(values, seed=seed)
    signal = algorithm(name).signal(episodes)
    masks = [np.array(episode.loss_mask) for episode in episodes]
    share = {"token": lambda mask: mask.sum(), "sequence": lambda mask: 1, "constant": lambda mask: 64}
    each_token = {
        "token": lambda mask: mask,
        "sequence": lambda mask: mask / mask.sum(),
        "constant": lambda mask: mask,
    }
    mean = ALGORITHMS[name].loss_mean
    assert signal.denominators == [share[mean](mask) for mask in masks]
    for weights, mask in zip(signal.weights, masks, strict=True):
        np.testing.assert_allclose(weights, each_token[mean](mask), rtol=1e-6)


@each
@few
@given(values=differing.map(lambda rewards: [0.5 * reward for reward in rewards]), shift=st.floats(0, 0.5))
def test_a_reward_that_all_get_changes_nothing(group, algorithm, name, values, shift):
    def with_rewards(rewards):
        episodes = group([0.0] * len(rewards))
        for episode, reward in zip(episodes, rewards, strict=True):
            episode.reward = episode.reward.model_copy(update={"f1": reward})
        (advantages,) = of_batch(algorithm(name), episodes)
        return advantages

    shifted = with_rewards([value + shift for value in values])
    np.testing.assert_allclose(shifted, with_rewards(values), rtol=1e-5, atol=1e-5)


@each
@few
@given(value=choices, size=st.integers(1, 8))
def test_a_group_of_one_reward_says_nothing(group, algorithm, name, value, size):
    assert algorithm(name).signal(group([value] * size)) is None


def test_a_spread_must_exceed_its_bound():
    assert not is_informative(np.array([0.5, 0.6]), min_spread=0.1 + 1e-9)
    assert is_informative(np.array([0.5, 0.6]), min_spread=0.1 - 1e-9)
    assert not is_informative(np.array([0.1 + 0.2, 0.3]), min_spread=1e-6)


def test_without_a_bound_a_batchs_baseline_learns_from_a_group_of_one_reward(group, algorithm):
    alike, better = of_batch(algorithm("reinforce_pp", "min_spread=-1.0"), group([0.0] * 3), group([1.0] * 3))
    assert (alike < 0).all()
    assert (better > 0).all()


@each
@few
@given(values=differing, seed=st.integers(0, 99))
def test_only_sampled_tokens_have_weight_and_advantage(group, algorithm, name, values, seed):
    episodes = group(values, seed=seed)
    signal = algorithm(name).signal(episodes)
    for episode, advantages, weights in zip(episodes, signal.advantages, signal.weights, strict=True):
        assert (weights > 0).tolist() == [bool(m) for m in episode.loss_mask]
        assert advantages[weights == 0].tolist() == [0.0] * (len(weights) - sum(episode.loss_mask))
        assert len(set(advantages[weights > 0].tolist())) == 1


@each
def test_an_unknown_reward_is_refused(group, algorithm, name):
    episodes = group([0.0, None, 1.0])
    with pytest.raises(ValueError, match=f"episode {episodes[1].id} has no reward"):
        algorithm(name).signal(episodes)


@each
@pytest.mark.parametrize("reason", ["max_tokens", "context"])
def test_an_episode_cut_off_can_be_masked_and_still_be_compared_with(group, algorithm, name, reason):
    episodes = group([0.0, 1.0, 0.5])
    kept = algorithm(name).signal(episodes)
    episodes[1].stop_reason = reason
    signal = algorithm(name, "mask_cut_off=true").signal(episodes)
    assert not signal.weights[1].any()
    assert not signal.advantages[1].any()
    assert signal.denominators[1] == 0
    for i in (0, 2):
        np.testing.assert_array_equal(signal.advantages[i], kept.advantages[i])
        np.testing.assert_array_equal(signal.weights[i], kept.weights[i])
        assert signal.denominators[i] == kept.denominators[i]


def test_a_group_cut_off_as_a_whole_says_nothing(group, algorithm):
    episodes = group([0.0, 1.0])
    for episode in episodes:
        episode.stop_reason = "context"
    assert algorithm("grpo", "mask_cut_off=true").signal(episodes) is None
    assert algorithm("grpo").signal(episodes) is not None


def test_a_part_that_a_configuration_names_replaces_the_algorithms(settings):
    parts = parts_of(settings("algorithm=gspo", "advantage=centred", "clip_high=0.5"))
    assert (parts.advantage, parts.loss_mean, parts.surrogate) == ("centred", "sequence", "gspo")
    assert (parts.clip_low, parts.clip_high) == (3e-4, 0.5)


@pytest.mark.parametrize("field", ["advantage", "loss_mean", "surrogate"])
def test_an_unknown_part_is_refused_by_its_field(settings, field):
    with pytest.raises(BadSetting, match=f"config.{field} is 'best'; known: "):
        parts_of(settings(f"{field}=best"))
