import pytest

from astra_jax.rl.batch_filling import Filled, Group
from astra_jax.rl.metrics import STOP_REASONS, rollout_metrics, source_metrics
from data_synthesis.records import ToolEvent


def filled(played, trained=(), **counts) -> Filled:
    counts = {"unknown": 0, "uninformative": 0, "expired": 0, "rounds": 1} | counts
    return Filled(groups=list(trained), signals=[], played=list(played), **counts)


def event(status):
    return ToolEvent(turn=0, call_id="c", name="ask", output="", status=status)


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


def test_components_and_what_is_trained_on_are_reported_of_scored_episodes(group):
    episodes = group([0.0, 1.0, 0.5, None])
    for episode, whole in zip(episodes[:3], (-1.0, 2.0, 0.5), strict=True):
        episode.scores = {"f1": episode.reward.f1, "length": whole / 2, "total": whole}
    episodes[3].unscored = "the reward function m:f returned nan"
    metrics = rollout_metrics(filled([Group(0, 1, episodes)], unknown=1), step=1)
    assert metrics["episodes/unscored"] == 1
    assert metrics["reward/length"] == pytest.approx(0.25)
    assert metrics["reward/f1"] == pytest.approx(0.5)
    totals = {name: metrics[f"reward_total/{name}"] for name in ("mean", "std", "min", "p10", "p90", "max")}
    expected = {"mean": 0.5, "std": 1.5**0.5, "min": -1.0, "p10": -0.7, "p90": 1.7, "max": 2.0}
    assert totals == pytest.approx(expected)


def test_groups_that_solve_nothing_or_everything_are_told_apart(group):
    played = [group([0.0, 0.0]), group([1.0, 1.0]), group([0.5, 0.5]), group([0.0, None]), group([None])]
    for episode in played[1]:
        episode.reward = episode.reward.model_copy(update={"solved": episode.reward.n})
    metrics = rollout_metrics(filled([Group(n, 1, episodes) for n, episodes in enumerate(played)]), step=1)
    assert (metrics["groups/solved_none"], metrics["groups/solved_all"]) == (2, 1)
    assert metrics["groups/reward_std"] == 0


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


def test_the_oldest_group_of_the_batch_is_reported(group):
    trained = [Group(0, 3, group([0.0, 1.0])), Group(5, 5, group([0.0, 1.0]))]
    metrics = rollout_metrics(filled([], trained, expired=2, rounds=0), step=5)
    assert metrics["groups/age_max"] == 2
    assert (metrics["groups/trained"], metrics["groups/expired"], metrics["groups/rounds"]) == (2, 2, 0)


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
