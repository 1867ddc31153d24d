"""Which engine a session has."""

from hypothesis import given
from hypothesis import strategies as st

from astra_jax.inference.homes import Homes

CALLS = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from([(1,), (2,), (3,)]), st.booleans()), max_size=40
)


@given(CALLS)
def test_a_session_stays_and_shares_its_prompts_engine(calls):
    homes, home, prompts = Homes(), {}, {}
    for session, prompt, released in calls:
        if released:
            assert homes.release(session) == home.pop(session, None)
            prompts.pop(session, None)
            continue
        found = homes.of(session, prompt, range(3))
        assert home.setdefault(session, found) == found
        prompts.setdefault(session, prompt)
        assert {home[other] for other in home if prompts[other] == prompts[session]} == {found}


def test_new_prompts_go_where_the_fewest_are():
    homes = Homes()
    assert [homes.of(name, [i], range(2)) for i, name in enumerate("abcd")] == [0, 1, 0, 1]
    homes.release("b")
    assert homes.of("e", [9], range(2)) == 1


def test_a_session_moves_only_when_its_engine_cannot_be_used():
    homes = Homes()
    assert [homes.of(name, [1], range(2)) for name in "ab"] == [0, 0]
    assert homes.of("a", [1, 2], [1]) == 1
    assert homes.of("a", [1, 2], [0, 1]) == 1
    assert homes.of("b", [1, 3], [1]) == 1
