import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_jax.rl.arena_stream import ArenaSource, ArenaStream
from astra_jax.rl.batch_filling import Group
from astra_jax.rl.curriculum import Curriculum

# Rewards of a group by what it solved of three: see `conftest.REWARDS`.
EASY, HARD, TELLS, UNKNOWN = (1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (None, None)


@pytest.fixture(scope="module")
def stream(arena):
    return lambda count=4: ArenaStream([ArenaSource("all", [arena(n) for n in range(count)])], seed=0)


@given(rounds=st.lists(st.integers(0, 9), max_size=5))
def test_without_rests_all_groups_are_played_in_order(stream, group, rounds):
    arenas, curriculum = stream(), Curriculum()
    taken = []
    for count in rounds:
        numbers = curriculum.take(arenas, count)
        curriculum.measure(arenas, [Group(n, 1, group(EASY)) for n in numbers])
        taken += numbers
    assert taken == list(range(sum(rounds)))
    assert (arenas.position, curriculum.resting) == (sum(rounds), {})


@pytest.mark.parametrize(("rewards", "times"), [(EASY, 2), (HARD, 1), (TELLS, 0), (UNKNOWN, 0)])
def test_an_arena_is_passed_over_as_often_as_its_last_group_says(stream, group, rewards, times):
    arenas, curriculum = stream(), Curriculum(rest_easy=2, rest_hard=1)
    (first,) = curriculum.take(arenas, 1)
    curriculum.measure(arenas, [Group(first, 1, group(rewards))])
    played = [arenas[n].id for n in curriculum.take(arenas, 16)]
    others = [id for id in played if id != arenas[first].id]
    assert len(others) > 8
    # In five passes over four arenas the first one has been played once, and has rested.
    passes = [arenas[n].id for n in range(arenas.position)]
    assert passes.count(arenas[first].id) - 1 - times == played.count(arenas[first].id)


def test_where_all_arenas_rest_they_are_played_again_in_time(stream, group):
    arenas, curriculum = stream(), Curriculum(rest_easy=3)
    numbers = curriculum.take(arenas, 4)
    curriculum.measure(arenas, [Group(n, 1, group(EASY)) for n in numbers])
    assert curriculum.take(arenas, 4) == [16, 17, 18, 19]
    assert curriculum.resting == {}


@given(kinds=st.lists(st.sampled_from([EASY, HARD, TELLS]), min_size=40, max_size=40), stop=st.integers(0, 9))
def test_a_resumed_run_plays_the_same_groups(stream, group, kinds, stop):
    def play(arenas, curriculum, rounds):
        taken = []
        for _ in range(rounds):
            numbers = curriculum.take(arenas, 2)
            curriculum.measure(arenas, [Group(n, 1, group(kinds[n % 40])) for n in numbers])
            taken += numbers
        return taken

    whole = play(stream(), Curriculum(1, 2), 10)
    arenas, curriculum = stream(), Curriculum(1, 2)
    before = play(arenas, curriculum, stop)
    resumed = stream()
    resumed.position = arenas.position
    assert before + play(resumed, Curriculum(1, 2, dict(curriculum.resting)), 10 - stop) == whole
