import asyncio
import math
import sys
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_jax.rl.rewards import NoScore, RewardFailed, make_rewards, total
from astra_jax.training.settings import BadSetting
from data_synthesis.records import Episode, ToolEvent


@pytest.fixture
def user_module(monkeypatch):
    """A module of the user's, with these functions."""

    def build(**functions):
        module = types.ModuleType("users_rewards")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, "users_rewards", module)

    return build


def score(rewards, episodes):
    return asyncio.run(rewards.score(episodes))


def event(status):
    return ToolEvent(turn=0, call_id="c", name="ask", output="", status=status)


def test_by_default_the_papers_f1_alone_is_trained_on_and_all_components_are_there(group, settings):
    episodes = score(make_rewards(settings()), group([0.0, 0.4, 1.0, None]))
    for episode in episodes[:3]:
        assert total(episode) == episode.scores["total"] == episode.reward.f1
        assert episode.scores["recall"] == episode.reward.recall
        assert episode.scores["precision"] == episode.reward.precision
        assert set(episode.scores) == {"f1", "recall", "precision", "format", "length", "total"}
    assert episodes[3].scores == {}


@given(weights=st.tuples(*[st.floats(-2, 2)] * 3).filter(any))
def test_the_total_is_the_weighed_sum(group, settings, weights):
    f1, recall, precision = weights
    rewards = make_rewards(
        settings(f"rewards.f1={f1}", f"rewards.recall={recall}", f"rewards.precision={precision}")
    )
    for episode in score(rewards, group([0.0, 0.5, 0.8])):
        r = episode.reward
        expected = f1 * r.f1 + recall * r.recall + precision * r.precision
        assert math.isclose(total(episode), expected, abs_tol=1e-12)


def test_format_counts_the_calls_that_a_tool_could_be_asked_with(group, settings):
    episodes = group([0.0, 0.0])
    statuses = ("ok", "tool_error", "breach", "bad_json", "unknown_tool", "bad_arguments")
    episodes[0].events = [event(status) for status in statuses]
    scored = score(make_rewards(settings()), episodes)
    assert [episode.scores["format"] for episode in scored] == [0.5, 1.0]


@pytest.mark.parametrize(("tokens", "penalty"), [(0, 0), (80, 0), (85, -0.25), (100, -1), (120, -1)])
def test_length_falls_over_the_last_fifth_of_the_room(group, settings, tokens, penalty):
    (episode,) = group([0.0])
    count = episode.prompt_length + tokens
    episode = episode.model_copy(
        update={"token_ids": [1] * count, "loss_mask": [0] * count, "logprobs": [0.0] * count}
    )
    (scored,) = score(make_rewards(settings("limits.max_tokens=100")), [episode])
    assert scored.scores["length"] == pytest.approx(penalty)


def test_a_users_function_is_weighed_and_cannot_change_the_episode(group, settings, user_module):
    def spoil(episode: Episode) -> float:
        episode.token_ids.clear()
        return len(episode.loss_mask)

    user_module(spoil=spoil, plain=lambda episode: True)
    rewards = make_rewards(settings("rewards.functions=users_rewards:spoil=0.5, users_rewards:plain"))
    before = group([0.4])[0]
    (episode,) = score(rewards, [before])
    assert episode.token_ids == before.token_ids != []
    assert episode.scores["users_rewards:spoil"] == len(before.loss_mask)
    assert total(episode) == pytest.approx(0.4 + 0.5 * len(before.loss_mask) + 1)


def raise_it(episode):
    raise ValueError("no such key")


def stop_python(episode):
    raise SystemExit(3)


WRONG = {
    "raises": (raise_it, "raised ValueError: no such key"),
    "exits": (stop_python, "raised SystemExit: 3"),
    "NaN": (lambda episode: math.nan, "returned nan"),
    "infinity": (lambda episode: -math.inf, "returned -inf"),
    "nothing": (lambda episode: None, "returned 'None', which is no number"),
    "text": (lambda episode: "good", "returned 'good', which is no number"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_episode_without_a_score_is_unknown_and_never_zero(group, settings, user_module, kind):
    function, said = WRONG[kind]
    episodes = group([0.0, 0.4, 1.0])
    user_module(judge=lambda episode: function(episode) if episode.id == episodes[1].id else 0.25)
    rewards = make_rewards(settings("rewards.functions=users_rewards:judge"))
    scored = score(rewards, episodes)
    assert [episode.reward is None for episode in scored] == [False, True, False]
    assert [total(scored[i]) for i in (0, 2)] == [0.25, 1.25]
    assert scored[1].unscored == f"the reward function users_rewards:judge {said}"
    assert scored[1].scores == {}
    assert rewards.check(scored) == (
        f"the reward function users_rewards:judge {said}; 1 of 3 episodes have no score: they are unknown, and left out"
    )
    assert rewards.check(scored[::2]) is None
    with pytest.raises(
        RewardFailed, match=r"1 of 1 episodes have no score, more than config.rewards.most_failed = 0.5"
    ):
        rewards.check(scored[1:2])


def test_weighed_anew_an_episode_is_what_the_new_rewards_would_have_scored(group, settings, user_module):
    user_module(judge=lambda episode: len(episode.token_ids) / 7, other=lambda episode: 1)
    functions = "rewards.functions=users_rewards:judge, users_rewards:other"
    kept = score(make_rewards(settings(functions)), group([0.0, 0.4, 1.0, None]))
    new = ("rewards.f1=0", "rewards.recall=1", "rewards.length=0.5", "limits.max_tokens=12")
    rewards = make_rewards(settings(*new, "rewards.functions=users_rewards:judge=0.1"))
    assert [rewards.weigh(episode) for episode in kept] == score(rewards, kept)
    assert len({total(rewards.weigh(e)) - total(e) for e in kept[:3]}) == 3


def test_weighed_anew_an_episode_must_have_a_score_of_each_function(group, settings, user_module):
    user_module(judge=lambda episode: 1, other=lambda episode: 1)
    (kept,) = score(make_rewards(settings("rewards.functions=users_rewards:judge")), group([0.4]))
    rewards = make_rewards(settings("rewards.functions=users_rewards:judge, users_rewards:other=0.5"))
    with pytest.raises(
        NoScore, match=r"names users_rewards:other, and its episodes were kept without a score"
    ):
        rewards.weigh(kept)


def test_a_function_that_never_returns_costs_its_deadline_and_no_more(group, settings, user_module):
    ends = threading.Event()
    user_module(hang=lambda episode: ends.wait())
    rewards = make_rewards(settings("rewards.functions=users_rewards:hang", "rewards.deadline_s=0.05"))
    scored = score(rewards, group([0.0, 1.0]))
    ends.set()
    said = "took longer than config.rewards.deadline_s = 0.05 s"
    assert [episode.unscored.endswith(said) for episode in scored] == [True, True]


@pytest.mark.parametrize(
    ("hangs_at", "called"),
    [({0, 1, 2, 3, 4, 5, 6}, 3), ({0, 1, 3, 4, 6}, 7), ({1, 2, 3}, 4)],
    ids=["always", "now and then", "three times"],
)
def test_a_function_that_hangs_for_episode_after_episode_is_not_called_for_the_rest(
    group, settings, user_module, hangs_at, called
):
    ends, seen = threading.Event(), []

    def judge(episode):
        seen.append(episode)
        return ends.wait() if len(seen) - 1 in hangs_at else 1.0

    user_module(judge=judge)
    rewards = make_rewards(
        settings("rewards.functions=users_rewards:judge", "rewards.deadline_s=0.2", "rewards.at_once=1")
    )
    scored = score(rewards, group([0.0] * 7))
    assert len(seen) == called
    assert [episode.reward is None for episode in scored] == [i in hangs_at or i >= called for i in range(7)]
    said = "was not called: 3 times in a row it took longer than config.rewards.deadline_s = 0.2 s"
    assert sum(said in episode.unscored for episode in scored) == 7 - called
    score(rewards, group([0.0]))
    ends.set()
    assert len(seen) == called + 1  # each round asks anew


def test_what_is_unknown_already_is_not_shown_to_a_function(group, settings, user_module):
    user_module(judge=raise_it)
    scored = score(make_rewards(settings("rewards.functions=users_rewards:judge")), group([None, None]))
    assert [episode.unscored for episode in scored] == ["", ""]


def test_no_more_calls_at_one_time_than_allowed(group, settings, user_module):
    lock, running, most = threading.Lock(), [], []

    def judge(episode):
        with lock:
            running.append(1)
            most.append(len(running))
        threading.Event().wait(0.01)
        with lock:
            running.pop()
        return 0

    user_module(judge=judge)
    overrides = ("rewards.functions=users_rewards:judge", "rewards.at_once=2")
    score(make_rewards(settings(*overrides)), group([0.0] * 6))
    assert max(most) <= 2


@pytest.mark.parametrize(
    ("functions", "sentence"),
    [
        ("politeness", "names politeness: write module:function"),
        ("no_such_module:f", "the module no_such_module does not load .ModuleNotFoundError"),
        ("json:no_such", "the module json has no function no_such"),
        ("json:dumps=much", "'much' is no weight of json:dumps"),
        ("json:dumps=1, json:dumps=2", "json:dumps twice"),
        ("json:dumps=nan", "'nan' is no weight of json:dumps"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused_before_the_run(settings, functions, sentence):
    with pytest.raises(BadSetting, match=sentence):
        make_rewards(settings(f"rewards.functions={functions}"))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("rewards.f1=0.0", "no component"),
        ("rewards.length_buffer=0.0", "config.rewards.length_buffer is 0.0"),
        ("rewards.at_once=0", "config.rewards.at_once is 0"),
        ("rewards.deadline_s=0.0", "config.rewards.deadline_s is 0.0"),
    ],
)
def test_settings_that_no_episode_could_be_scored_with_are_refused(settings, override, sentence):
    with pytest.raises(BadSetting, match=sentence):
        make_rewards(settings(override))


def test_scores_are_no_part_of_what_an_episode_is(group, settings):
    (episode,) = group([0.4])
    (scored,) = score(make_rewards(settings()), [episode])
    assert scored.content_id() == episode.content_id() == episode.id
