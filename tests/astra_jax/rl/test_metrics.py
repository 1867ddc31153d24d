from typing import get_args

import pytest

from astra_jax.rl.batch_filling import Filled, Group
from astra_jax.rl.episode_metrics import FAILURES
from astra_jax.rl.metrics import STOP_REASONS, rollout_metrics, source_metrics
from data_synthesis.records import Episode, StopReason, ToolEvent, VersionSpan


def filled(played, trained=(), **counts) -> Filled:
    counts = {"unknown": 0, "uninformative": 0, "expired": 0, "rounds": 1} | counts
    return Filled(groups=list(trained), signals=[], played=list(played), **counts)


def event(status):
    return ToolEvent(turn=0, call_id="c", name="ask", output="", status=status)


def solved(episode):
    episode.reward = episode.reward.model_copy(update={"solved": episode.reward.n})


def test_means_are_over_known_episodes(group):
    episodes = group([0.0, 1.0, None, 0.5])
    episodes[1].events = [event("ok"), event("ok"), event("ok"), event("bad_json")]
    episodes[2].events = [event("breach")] * 9
    metrics = rollout_metrics(filled([Group(0, 4, episodes)], unknown=1), step=4)
    known = [episode for episode in episodes if episode.reward]
    assert metrics["episodes"] == 4
    assert metrics["episodes/unknown"] == 1
    assert metrics["reward/f1"] == pytest.approx(0.5)
    assert metrics["reward/success"] == pytest.approx(1 / 3)
    assert metrics["calls"] == pytest.approx(sum(e.reward.calls for e in known) / 3)
    assert metrics["turns"] == pytest.approx(sum(len(e.weight_versions) for e in known) / 3)
    assert metrics["tokens/sampled"] == pytest.approx(sum(sum(e.loss_mask) for e in known) / 3)
    assert metrics["calls/failed_fraction"] == 0.25


def test_stops_are_shares_of_all_episodes_unknown_ones_included(group):
    episodes = group([0.0, 1.0, 0.5, 0.5, None, None, None, None])
    for episode, reason in zip(episodes[3:6], ("max_turns", "deadline", "deadline"), strict=True):
        episode.stop_reason = reason
    metrics = rollout_metrics(filled([Group(0, 4, episodes)], unknown=4), step=4)
    assert {reason: metrics[f"stop/{reason}"] for reason in STOP_REASONS} == {
        "finished": 3 / 8,
        "max_turns": 1 / 8,
        "max_tokens": 0,
        "context": 0,
        "deadline": 2 / 8,
        "infrastructure": 2 / 8,
    }


def test_failed_calls_are_told_apart_by_what_failed(group):
    episodes = group([0.0, 1.0, None])
    episodes[0].events = [event(status) for status in ("bad_json", "unknown_tool", "unknown_tool", "ok")]
    episodes[1].events = [event(status) for status in ("breach", "tool_error", "bad_arguments", "ok")]
    episodes[2].events = [event("breach")] * 9
    metrics = rollout_metrics(filled([Group(0, 1, episodes)], unknown=1), step=1)
    shares = {kind: metrics[f"calls/{kind}_fraction"] for kind in FAILURES}
    assert shares == dict.fromkeys(FAILURES, 1 / 8) | {"unknown_tool": 2 / 8}
    assert sum(shares.values()) == metrics["calls/failed_fraction"]


def test_no_kind_of_failure_and_no_reason_to_stop_is_forgotten():
    assert {"ok", *FAILURES} == set(get_args(ToolEvent.model_fields["status"].annotation))
    assert set(STOP_REASONS) == set(get_args(StopReason))


def test_without_a_call_none_has_failed(group):
    metrics = rollout_metrics(filled([Group(0, 1, group([0.0]))]), step=1)
    assert [metrics[f"calls/{kind}_fraction"] for kind in ("failed", *FAILURES)] == [0] * 6


def test_a_response_is_all_that_comes_after_the_prompt(group):
    episodes = group([0.0, 1.0, None], prompt_length=5)
    metrics = rollout_metrics(filled([Group(0, 1, episodes)], unknown=1), step=1)
    assert metrics["tokens/response"] == sum(len(e.token_ids) - 5 for e in episodes[:2]) / 2
    assert metrics["tokens/response"] > metrics["tokens/sampled"]


def test_weights_that_change_within_an_episode_are_reported(group):
    episodes = group([0.0, 1.0, 0.5, None])
    versions = ([3, 3], [2, 3, 5], [4], [0, 9])
    for episode, of in zip(episodes, versions, strict=True):
        episode.weight_versions = [[VersionSpan(version, 1)] for version in of]
    metrics = rollout_metrics(filled([Group(0, 1, episodes)], unknown=1), step=1)
    assert metrics["episodes/mixed"] == pytest.approx(1 / 3)
    assert metrics["episodes/version_span"] == 3


def test_components_and_what_is_trained_on_are_reported_of_scored_episodes(group):
    episodes = group([0.0, 1.0, 0.5, None])
    for episode, whole in zip(episodes[:3], (-1.0, 2.0, 0.5), strict=True):
        episode.scores = {"f1": episode.reward.f1, "length": whole / 2, "total": whole}
    episodes[3].unscored = "the reward function m:f returned nan"
    metrics = rollout_metrics(filled([Group(0, 1, episodes)], unknown=1), step=1)
    assert metrics["episodes/unscored"] == 1
    length = [metrics[f"reward/length{name}"] for name in ("", "/std", "/min", "/max")]
    assert length == pytest.approx([0.25, 0.375**0.5, -0.5, 1.0])
    f1 = [metrics[f"reward/f1{name}"] for name in ("", "/std", "/min", "/max")]
    assert f1 == pytest.approx([0.5, (1 / 6) ** 0.5, 0.0, 1.0])
    totals = {name: metrics[f"reward_total/{name}"] for name in ("mean", "std", "min", "p10", "p90", "max")}
    expected = {"mean": 0.5, "std": 1.5**0.5, "min": -1.0, "p10": -0.7, "p90": 1.7, "max": 2.0}
    assert totals == pytest.approx(expected)


def test_groups_that_solve_nothing_or_everything_are_told_apart(group):
    played = [group([0.0, 0.0]), group([1.0, 1.0]), group([0.5, 0.5]), group([0.0, None]), group([None])]
    for episode in played[1]:
        solved(episode)
    metrics = rollout_metrics(filled([Group(n, 1, episodes) for n, episodes in enumerate(played)]), step=1)
    assert (metrics["groups/solved_none"], metrics["groups/solved_all"]) == (2, 1)
    assert (metrics["groups/alike_failed"], metrics["groups/alike_solved"]) == (1, 1), (
        "one alone is like none"
    )
    assert metrics["groups/reward_std"] == 0


def test_groups_that_solve_everything_at_different_prices_are_not_alike(group):
    episodes = group([1.0, 0.5])
    for episode in episodes:
        solved(episode)
    metrics = rollout_metrics(filled([Group(0, 1, episodes)]), step=1)
    assert (metrics["groups/solved_all"], metrics["groups/alike_solved"]) == (1, 0)


def test_pass_at_k_asks_for_one_success_of_a_group_and_avg_at_k_for_their_share(group):
    played = [group([0.5] * 4), group([0.5, 0.5, None]), group([0.5, 0.5]), group([None])]
    for episode in (played[0][1], *played[1][:2]):
        solved(episode)
    metrics = rollout_metrics(filled([Group(n, 1, episodes) for n, episodes in enumerate(played)]), step=1)
    assert metrics["groups/pass_at_k"] == pytest.approx(2 / 3)
    assert metrics["groups/avg_at_k"] == pytest.approx((1 / 4 + 1 + 0) / 3)
    assert metrics["reward/success"] == pytest.approx(3 / 8)


def test_the_spread_of_rewards_is_that_within_groups(group):
    played = [Group(0, 1, group([0.0, 1.0, None])), Group(1, 1, group([1.0, 1.0])), Group(2, 1, group([0.5]))]
    assert rollout_metrics(filled(played), step=1)["groups/reward_std"] == pytest.approx(0.25)


@pytest.mark.parametrize("rewards", [[], [None, None]], ids=["nothing played", "nothing known"])
def test_without_a_known_episode_there_is_no_mean(group, rewards):
    played = [Group(0, 1, group(rewards))] if rewards else []
    metrics = rollout_metrics(filled(played, unknown=len(rewards)), step=1)
    assert metrics["episodes/unknown"] == len(rewards)
    assert not [name for name in metrics if name.startswith(("reward/", "calls", "tokens"))]
    assert metrics.get("stop/infrastructure") == (1 if rewards else None)


def test_the_oldest_and_the_youngest_group_of_the_batch_are_reported(group):
    trained = [Group(number, born, group([0.0, 1.0])) for number, born in ((0, 2), (5, 4), (6, 3))]
    metrics = rollout_metrics(filled([], trained, expired=2, rounds=0), step=5)
    assert (metrics["groups/age_min"], metrics["groups/age_max"]) == (1, 3)
    assert (metrics["groups/trained"], metrics["groups/expired"], metrics["groups/rounds"]) == (3, 2, 0)


def test_oversampling_is_what_was_played_for_what_is_trained_on(group):
    groups = [Group(number, 1, group([0.0, 1.0])) for number in range(6)]
    assert rollout_metrics(filled(groups, groups[:4]), step=1)["groups/oversampling"] == 1.5
    assert "groups/oversampling" not in rollout_metrics(filled(groups), step=1)


def test_tokens_keep_the_version_that_drew_them(group):
    """The first of two episodes is one turn within which the weights changed."""
    turn = {"token_ids": [5] * 320, "loss_mask": [1] * 320, "logprobs": [-1.0] * 320}
    versions = [[VersionSpan(0, 300), VersionSpan(1, 20)]], [[VersionSpan(1, 320)]]
    episodes = [
        Episode(arena_id="a", reward=one.reward, weight_versions=spans, **turn)
        for one, spans in zip(group([0.0, 1.0]), versions, strict=True)
    ]
    played = [Group(0, 1, episodes)]
    metrics = rollout_metrics(filled(played, played), step=2)
    assert (metrics["turns"], metrics["episodes/mixed"]) == (1, 0.5)
    assert metrics["tokens/age_mean"] == pytest.approx(300 / 640)
    assert (metrics["tokens/age_max"], rollout_metrics(filled(played, played), step=4)["tokens/age_max"]) == (
        1,
        3,
    )
    assert "tokens/age_max" not in rollout_metrics(filled(played), step=2), "of the batch alone"


def test_each_source_of_arenas_has_its_figures(group):
    played = [
        Group(0, 1, group([0.0, 1.0])),
        Group(1, 1, group([None, 0.5])),
        Group(2, 1, group([None, None])),
    ]
    assert source_metrics(played, {0: "bank", 1: "art", 2: "art"}.get) == {
        "source/bank/groups": 1,
        "source/art/groups": 2,
        "source/bank/f1": 0.5,
        "source/art/f1": 0.5,
    }
    assert source_metrics(played[2:], lambda number: "art") == {"source/art/groups": 1}
