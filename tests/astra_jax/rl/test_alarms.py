import pytest

from astra_jax.rl.alarms import QUIET_STEPS, Alarms, Limits

WELL = {
    "entropy": 2.0,
    "logprob_gap": 0.001,
    "groups/age_max": 0.0,
    "groups/trained": 4.0,
    "calls/failed_fraction": 0.1,
    "stop/max_tokens": 0.1,
    "stop/context": 0.0,
    "episodes": 32.0,
    "episodes/unknown": 1.0,
    "reward_total/mean": 0.2,
    "reward_total/max": 0.4,
}
WRONG = {
    "entropy": ({"entropy": 0.19}, "entropy has collapsed, 0.19 nats a token after 2 in the first update"),
    "mismatch": ({"logprob_gap": 0.2}, "sampler and trainer differ by 0.2 nats a token"),
    "no group": (
        {"groups/trained": 0.0, "groups/uninformative": 3.0, "groups/unjudged": 2.0},
        "no group said anything, and no weight moved: the rewards of each of 3 groups were all alike (mean 0.2, best "
        "0.4), and of 2 others too few rewards are known",
    ),
    "calls": ({"calls/failed_fraction": 0.75}, "75% of tool calls fail"),
    "cut off": ({"stop/max_tokens": 0.3, "stop/context": 0.3}, "60% of episodes are cut off"),
    "unknown": ({"episodes/unknown": 9.0}, "the reward of 9 of 32 episodes is unknown"),
}


@pytest.fixture
def alarms():
    alarms = Alarms(Limits())
    assert alarms.look(WELL) == []
    return alarms


@pytest.mark.parametrize("kind", WRONG)
def test_what_goes_wrong_is_said_once_until_it_has_ended(alarms, kind):
    change, said = WRONG[kind]
    (sentence,) = alarms.look(WELL | change)
    assert sentence.startswith(said)
    assert any(hint in sentence for hint in ("samples/", "config.")), "it says what to look at"
    assert alarms.look(WELL | change) == []
    for quiet, repeats in ((QUIET_STEPS - 1, 0), (QUIET_STEPS, 1)):
        assert [alarms.look(WELL) for _ in range(quiet)] == [[]] * quiet
        assert len(alarms.look(WELL | change)) == repeats


def test_rewards_that_are_not_known_are_not_called_alike(alarms):
    nothing = {name: value for name, value in WELL.items() if not name.startswith("reward")}
    none, unknown = alarms.look(nothing | {"groups/trained": 0.0, "episodes/unknown": 32.0})
    assert none.startswith("no group could be judged, and no weight moved: of 32 episodes no reward is known")
    assert unknown.startswith("the reward of 32 of 32 episodes is unknown")


def test_a_gap_of_groups_that_waited_is_no_mismatch(alarms):
    assert alarms.look(WELL | {"logprob_gap": 0.2, "groups/age_max": 1.0}) == []
    played_elsewhere = {name: value for name, value in WELL.items() if name != "groups/age_max"}
    assert alarms.look(played_elsewhere | {"logprob_gap": 0.2}) == []


def test_a_run_that_goes_on_does_not_say_again_what_it_has_said(alarms):
    wrong = WELL | {"entropy": 0.1}
    assert len(alarms.look(wrong)) == 1
    assert Alarms.after(Limits(), [WELL, wrong]).look(wrong) == []
    assert len(Alarms.after(Limits(), [WELL]).look(wrong)) == 1


def test_a_step_in_which_nothing_was_played_or_trained_has_no_figures_and_no_alarm():
    assert Alarms(Limits()).look({"loss": 0.0, "groups/trained": 2.0}) == []
