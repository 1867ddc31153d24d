import pytest

from astra_jax.rl.batch_filling import Group
from astra_jax.rl.clock import Clock


def test_tokens_of_all_batches_of_a_step_are_divided_by_the_seconds_of_all(group):
    groups = [Group(0, 1, group([0.0, 1.0])), Group(1, 1, group([0.5, None], seed=1))]
    clock = Clock(weight_sync_s=0.25)
    clock.played(groups[:1], 1.5)
    clock.played(groups[1:], 0.5)
    tokens = sum(sum(episode.loss_mask) for of in groups for episode in of.episodes)
    assert clock.metrics() == pytest.approx(
        {"time/weight_sync_s": 0.25, "time/sampled_tokens_per_second": tokens / 2}
    )


def test_a_step_that_plays_nothing_has_no_speed():
    clock = Clock()
    clock.played([], 0.1)
    assert clock.metrics() == {"time/weight_sync_s": 0.0}
