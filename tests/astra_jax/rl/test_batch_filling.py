import asyncio
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.rl.algorithms import PolicyGradient
from astra_jax.rl.batch_filling import BatchFiller, Filled, Group
from data_synthesis.records import Message, ToolEvent, VersionSpan

# What a group of two or three episodes can be, by its rewards.
KINDS = {
    "tells": (0.0, 1.0),
    "tells, one unknown": (1.0, None, 0.0),
    "all alike": (0.5, 0.5, 0.5),
    "one known": (None, 1.0),
    "unknown": (None, None),
}
TELLING = {kind for kind in KINDS if kind.startswith("tells")}
UNJUDGED = {"one known", "unknown"}
STEPS = 5

fillers = st.builds(
    dict,
    groups_per_batch=st.integers(1, 4),
    round_groups=st.integers(1, 5),
    max_rounds=st.integers(1, 3),
    max_age=st.integers(0, 3),
    exact_refill=st.booleans(),
)
kinds = st.lists(st.sampled_from(sorted(KINDS)), min_size=75, max_size=75)


def run(group, settings, kinds, through_json=False):
    """Plays `STEPS` steps; group `n` is of kind `kinds[n]`. What each step filled, and what then was carried."""
    filler, played, history = BatchFiller(PolicyGradient(), **settings), 0, []
    for step in range(1, STEPS + 1):

        async def play(count, step=step):
            nonlocal played
            numbers = range(played, played + count)
            played += count
            return [Group(n, step, group(KINDS[kinds[n]], seed=n)) for n in numbers]

        filled = asyncio.run(filler.fill(step, play))
        if through_json:
            text = json.dumps([kept.to_json() for kept in filler.carried])
            filler = BatchFiller(PolicyGradient(), **settings)
            filler.carried = [Group.from_json(value) for value in json.loads(text)]
        history.append((filled, list(filler.carried)))
    return history, played


@settings(deadline=None, max_examples=60)
@given(config=fillers, kinds=kinds)
def test_every_telling_group_is_trained_once_or_waits_or_has_expired(group, config, kinds):
    history, played = run(group, config, kinds)
    trained = [g.number for filled, _ in history for g in filled.groups]
    waiting = [g.number for g in history[-1][1]]
    telling = [n for n in range(played) if kinds[n] in TELLING]
    assert trained == sorted(set(trained)), "in the order they were played, none twice"
    assert set(trained).isdisjoint(waiting)
    assert set(trained) | set(waiting) <= set(telling)
    lost = len(telling) - len(trained) - len(waiting)
    assert lost == sum(filled.expired for filled, _ in history)


@settings(deadline=None, max_examples=60)
@given(config=fillers, kinds=kinds)
def test_a_batch_is_full_or_the_cap_was_reached(group, config, kinds):
    history, _ = run(group, config, kinds)
    for filled, carried in history:
        assert len(filled.groups) == len(filled.signals) <= config["groups_per_batch"]
        if len(filled.groups) < config["groups_per_batch"]:
            assert filled.rounds == config["max_rounds"]
            assert carried == []
        assert filled.rounds <= config["max_rounds"]
        if not config["exact_refill"]:
            assert len(filled.played) == filled.rounds * config["round_groups"]


@settings(deadline=None, max_examples=60)
@given(config=fillers, kinds=kinds)
def test_groups_are_no_staler_than_allowed_and_counted_by_what_they_were(group, config, kinds):
    history, _ = run(group, config, kinds)
    for step, (filled, _) in enumerate(history, 1):
        assert all(step - g.born <= config["max_age"] for g in filled.groups)
        of = [kinds[g.number] for g in filled.played]
        assert filled.uninformative == sum(kind == "all alike" for kind in of)
        assert filled.unjudged == sum(kind in UNJUDGED for kind in of)
        assert filled.unknown == sum(KINDS[kind].count(None) for kind in of)
        for g, signal in zip(filled.groups, filled.signals, strict=True):
            assert all(episode.reward is not None for episode in g.episodes)
            assert len(signal.advantages) == len(g.episodes) == 2


def test_a_group_waits_as_long_as_allowed_and_not_a_step_longer(group):
    config = {"groups_per_batch": 1, "round_groups": 4, "max_rounds": 1, "max_age": 2}
    history, _ = run(group, config, ["tells"] * 8)
    assert [[g.number for g in filled.groups] for filled, _ in history] == [[0], [1], [2], [4], [5]]
    assert [filled.expired for filled, _ in history] == [0, 0, 0, 1, 0]


def test_a_round_that_refills_exactly_plays_what_is_missing(group):
    asked, told = [], iter(["all alike", "tells", "tells", "all alike", "tells", "tells"])

    async def play(count):
        asked.append(count)
        return [Group(n, 1, group(KINDS[next(told)], seed=n)) for n in range(count)]

    filler = BatchFiller(
        PolicyGradient(), groups_per_batch=4, round_groups=3, max_rounds=9, exact_refill=True
    )
    filled = asyncio.run(filler.fill(1, play))
    assert (asked, len(filled.groups), filler.carried) == ([3, 2, 1], 4, [])


@pytest.fixture
def play(group):
    """A round in which every group tells something."""

    async def play(count):
        return [Group(n, 1, group(KINDS["tells"], seed=n)) for n in range(count)]

    return play


def test_a_group_grows_old_with_the_weights_and_not_with_what_is_played_ahead(play):
    filler = BatchFiller(PolicyGradient(), groups_per_batch=1, round_groups=3, max_rounds=1, max_age=0)
    ahead = [asyncio.run(filler.fill(1, play)) for _ in range(3)]
    assert [(filled.rounds, filled.expired) for filled in ahead] == [(1, 0), (0, 0), (0, 0)]


def test_a_batch_of_an_earlier_release_is_read(play):
    filled = asyncio.run(BatchFiller(PolicyGradient(), groups_per_batch=1, round_groups=1).fill(1, play))
    value = filled.to_json()
    del value["unjudged"]
    assert Filled.from_json(value, PolicyGradient(), lambda episode: episode).to_json() == filled.to_json()


@settings(deadline=None, max_examples=20)
@given(config=fillers, kinds=kinds)
def test_a_run_that_stops_after_every_step_fills_the_same_batches(group, config, kinds):
    assert numbers(run(group, config, kinds)) == numbers(run(group, config, kinds, through_json=True))


def numbers(run):
    history, played = run
    return played, [([g.number for g in filled.groups], [g.number for g in kept]) for filled, kept in history]


@given(
    logprobs=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5),
    reward=st.floats(0, 1),
    text=st.text(),
)
def test_a_group_comes_back_from_json_bit_for_bit(group, logprobs, reward, text):
    episodes = group((0.0, 1.0))
    episodes[0] = episodes[0].model_copy(
        update={
            "token_ids": [3] * len(logprobs),
            "loss_mask": [1] * len(logprobs),
            "logprobs": logprobs,
            "weight_versions": [[VersionSpan(2, 1)] * len(logprobs)],
            "reward": episodes[0].reward.model_copy(update={"f1": reward}),
            "messages": [Message(role="user", content=text.encode("utf-8", "replace").decode())],
            "events": [
                ToolEvent(turn=0, call_id="c", name="n", arguments={"x": [1.5, None]}, output="", status="ok")
            ],
        }
    )
    before = Group(7, 3, episodes)
    after = Group.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert np.array(after.episodes[0].logprobs).tobytes() == np.array(logprobs).tobytes()


@pytest.mark.parametrize(
    "stricter", [PolicyGradient(min_spread=0.2), PolicyGradient(mask_cut_off=True)], ids=["spread", "cut off"]
)
def test_a_group_that_says_nothing_to_another_algorithm_goes_with_its_signal(group, stricter):
    alike = [e.model_copy(update={"stop_reason": "max_tokens"}) for e in group((0.4, 0.5), seed=1)]
    groups = [Group(0, 1, alike), Group(1, 1, group((0.0, 1.0), seed=2))]

    async def play(count):
        return groups

    filled = asyncio.run(BatchFiller(PolicyGradient(), groups_per_batch=2, round_groups=2).fill(1, play))
    value = json.loads(json.dumps(filled.to_json()))
    same, fewer = (Filled.from_json(value, a, lambda episode: episode) for a in (PolicyGradient(), stricter))
    assert (same.groups, len(same.signals), same.uninformative) == (groups, 2, 0)
    assert (fewer.groups, fewer.played) == (groups[1:], groups)
    assert fewer.uninformative == 1
    (signal,) = fewer.signals
    assert [len(advantages) for advantages in signal.advantages] == [
        len(episode.token_ids) for episode in groups[1].episodes
    ]
