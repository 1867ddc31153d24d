import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.trajectories.runs.failures import Injector, failed
from data_synthesis.trajectories.runs.refusals import event

DONE = event(ParsedCall("1", "refund", {}), 0, "ok", "0123456789")


@given(rate=st.sampled_from([0.0, 0.2, 0.7, 1.0]), seed=st.integers(0, 9))
def test_as_many_calls_fail_as_the_rate_says(rate, seed):
    injector = Injector(rate, seed)
    share = sum(injector.drawn(f"task{i}", i % 7) is not None for i in range(2000)) / 2000
    assert share == pytest.approx(rate, abs=0.04)


def test_whether_a_call_fails_depends_on_its_task_and_place_alone():
    first, again = Injector(0.5, 1), Injector(0.5, 1)
    forwards = [first.drawn("t", place) for place in range(50)]
    assert forwards == [again.drawn("t", place) for place in reversed(range(50))][::-1]
    assert forwards != [Injector(0.5, 2).drawn("t", place) for place in range(50)]
    assert forwards != [first.drawn("u", place) for place in range(50)]
    assert {kind for kind in forwards if kind} == {
        "timeout",
        "unreachable",
        "server_error",
        "rate_limited",
        "partial",
    }


def test_a_failure_is_flagged_and_a_partial_result_is_a_part():
    assert (failed(DONE, "timeout").status, failed(DONE, "timeout").injected) == ("timeout", "timeout")
    assert "0" not in failed(DONE, "unreachable").output
    partial = failed(DONE, "partial").output
    assert partial.endswith("01234")
    assert DONE.injected is None


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        Injector(rate)
