"""Summaries of episodes: means over arenas, unknowns counted and left out, and the table."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from astra_jax.evaluation.summary import METRICS, compare_table, paired_difference, summarise
from data_synthesis.records import Episode, RewardParts


def episode(arena: str, n: int = 2, solved: int = 1, calls: int = 2, turns: int = 2, **fields) -> Episode:
    reward = RewardParts(
        n=n,
        solved=solved,
        calls=calls,
        recall=solved / n,
        precision=solved / calls if calls else 0.0,
        f1=2 * solved / (n + calls),
    )
    return Episode(**{"arena_id": arena, "reward": reward, "weight_versions": [[]] * turns, **fields})


outcomes = st.lists(
    st.tuples(
        st.integers(0, 8), st.integers(1, 4), st.integers(0, 4), st.integers(0, 6), st.integers(1, 5)
    ).map(lambda t: episode(f"a{t[0]}", t[1], min(t[1], t[2], t[3]), t[3], t[4])),
    min_size=1,
    max_size=20,
)


def test_means_of_one_episode_are_its_values():
    summary = summarise([episode("a", n=3, solved=3, calls=5, turns=4)])
    assert {m: summary[m] for m in METRICS} == {
        "f1": 0.75, "recall": 1.0, "precision": 0.6, "success": 1.0, "calls": 5.0, "turns": 4.0,
    }  # fmt: skip
    assert summary["ci95"]["calls"] == [5.0, 5.0]


@given(outcomes)
@settings(max_examples=20, deadline=None)
def test_intervals_hold_the_mean(episodes: list[Episode]):
    summary = summarise(episodes)
    for metric in METRICS:
        low, high = summary["ci95"][metric]
        assert low - 1e-9 <= summary[metric] <= high + 1e-9


@given(outcomes)
@settings(max_examples=20, deadline=None)
def test_repeating_every_episode_changes_nothing_but_the_count(episodes: list[Episode]):
    once, twice = summarise(episodes), summarise(episodes + episodes)
    assert twice.pop("episodes") == 2 * once.pop("episodes")
    assert twice == once


def test_arenas_weigh_the_same_however_often_they_were_played():
    summary = summarise([episode("a", solved=2)] * 3 + [episode("b", solved=0)])
    assert summary["recall"] == 0.5
    assert summary["arenas"] == 2


def test_unknown_episodes_are_counted_and_left_out():
    known = [episode("a", solved=2), episode("b", solved=0)]
    unknown = [episode("c", reward=None), episode("a", solved=0, stop_reason="infrastructure")]
    summary = summarise(known + unknown)
    assert summary["unknown"] == 2
    assert summary["episodes"] == 4
    assert {m: summary[m] for m in METRICS} == {m: summarise(known)[m] for m in METRICS}


def test_nothing_known_is_none_and_never_zero():
    summary = summarise([episode("a", reward=None)])
    assert all(summary[metric] is None for metric in METRICS)
    assert summary["ci95"] == dict.fromkeys(METRICS)
    assert "unknown" in render(compare_table({"rl": summary}))


def test_paired_difference_uses_the_arenas_both_know():
    before = [episode("a", solved=0), episode("b", solved=1), episode("c", solved=1)]
    after = [episode("b", solved=2), episode("a", solved=1), episode("c", reward=None), episode("d")]
    assert paired_difference(after, before) == {"mean": 0.5, "ci95": [0.5, 0.5], "arenas": 2}
    assert paired_difference(after, [], "recall") == {"mean": None, "ci95": None, "arenas": 0}


def test_an_unknown_metric_is_an_error():
    with pytest.raises(KeyError, match="f2"):
        paired_difference([episode("a")], [episode("a")], metric="f2")


def test_table_shows_every_mean_with_its_interval_in_80_columns():
    by_stage = {"random": 0, "sft": 1, "rl": 2}
    results = {s: summarise([episode("a", solved=i), episode("b", solved=0)]) for s, i in by_stage.items()}
    text = render(compare_table({**results, "rl_minus_sft_f1_ci95": [0.0, 0.5], "wall_s": {}}))
    for stage_f1 in ("0.000 [0.00, 0.00]", "0.250 [0.00, 0.50]", "0.500 [0.00, 1.00]"):
        assert stage_f1 in text
    assert "rl minus sft, paired over arenas: [0.000, 0.500]" in text
    assert all(word in text for word in (*METRICS, *by_stage))
    assert "random" not in render(compare_table({"rl": results["rl"]}))


def render(table) -> str:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()
