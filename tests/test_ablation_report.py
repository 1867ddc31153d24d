"""The tables of the ablations, of runs that were made up."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.ablation_report import complete, filled, plot, rollout_table, table
from data_synthesis.arenas import f1
from data_synthesis.records import Episode, write_records

ARMS = {"SFT": "sft", "F1": "rl"}


@dataclass
class Made:
    """A seed with results and curves that are given."""

    root: Path
    curves: dict[str, list[dict]]

    def done(self, name):
        return (self.root / name / "results.json").exists()

    def results(self, name):
        return json.loads((self.root / name / "results.json").read_text())

    def curve(self, name):
        return self.curves.get(name, [])


def episode(arena, solved):
    return Episode(arena_id=arena, reward=f1(2, solved, 2), stop_reason="finished")


def steps(values, seconds):
    return [
        {"step": n, "reward/f1": v, "calls": 1.0, "time/step_s": seconds} for n, v in enumerate(values, 1)
    ]


@pytest.fixture
def seed(tmp_path):
    """Builds a seed: F1 of SFT and of RL on two arenas each."""

    def build(number, sft, rl, curves=None):
        root = tmp_path / f"seed_{number}"
        for arm, solved in {"sft": sft, "rl": rl}.items():
            episodes = [episode(arena, n) for arena, n in zip("ab", solved, strict=True)]
            write_records(root / arm / "plain.jsonl", episodes)
            mean = sum(e.reward.f1 for e in episodes) / 2
            metrics = dict.fromkeys(("f1", "recall", "precision", "success", "calls", "turns"), mean)
            (root / arm / "results.json").write_text(json.dumps({"plain": metrics}))
        return Made(root, curves or {})

    return build


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_a_cell_is_the_mean_of_the_seeds_and_a_difference_is_paired_over_their_arenas(seed):
    seeds = [seed(0, sft=(0, 1), rl=(1, 2)), seed(1, sft=(1, 1), rl=(2, 2))]
    _, _, sft, rl = cells(table(seeds, ARMS, "plain"))
    assert (sft[1], sft[-1]) == ("0.375 [0.250, 0.500]", "")
    assert rl[1] == "0.875 [0.750, 1.000]"
    assert rl[-1] == "+0.500 [+0.500, +0.500]", "each arena gains as much: the same arena in two seeds is two"


def test_seeds_that_lack_an_arm_are_left_out(seed):
    whole, half = seed(0, (0, 1), (1, 2)), seed(1, (0, 1), (1, 2))
    (half.root / "rl" / "results.json").unlink()
    assert complete([whole, half], ARMS) == [whole]


def test_at_equal_time_a_slow_arm_has_done_fewer_steps(seed):
    """The fast one is through after 30 s, in which the slow one has done a step."""
    curves = {"sft": steps([0.1, 0.2, 0.3], 10.0), "rl": steps([0.1, 0.5, 0.9], 20.0)}
    _, _, fast, slow = cells(rollout_table([seed(0, (0, 1), (1, 2), curves)], ARMS, tail=1))
    assert fast == ["SFT", "0.300", "0.300", "30"]
    assert slow == ["F1", "0.900", "0.100", "60"]


def test_plots_of_the_same_runs_are_the_same_bytes(seed, tmp_path):
    curves = {"rl": steps([0.1] * 8, 1.0)}
    made = [seed(0, (0, 1), (1, 2), curves)]
    for name in ("a.svg", "b.svg"):
        plot(made, ARMS, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_table_takes_the_place_of_the_one_before_it():
    document = "a\n<!-- x -->\nold\n<!-- end x -->\nb"
    assert filled(document, "x", "new") == "a\n<!-- x -->\n\nnew\n\n<!-- end x -->\nb"
    with pytest.raises(ValueError, match="has 0 places for 'y'"):
        filled(document, "y", "new")
