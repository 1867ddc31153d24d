"""pass^k by domain: unknown tries are counted and left out."""

import pytest
from rich.console import Console

from astra_jax.evaluation.tau2.records import Tau2Item, Tau2Run
from astra_jax.evaluation.tau2.table import summarise, table


def item(task, trial):
    return Tau2Item(domain="retail", task=task, trial=trial)


def run(task, trial, reward):
    return Tau2Run(
        messages=[], tools=[], domain="retail", task=task, trial=trial, ended="user_stop", reward=reward,
        parts={}, simulation=[],
    )  # fmt: skip


def test_rates_are_over_known_tries():
    items = [item(task, trial) for task in "abc" for trial in (0, 1)]
    runs = [run("a", 0, 1.0), run("a", 1, 0.0), run("b", 0, 1.0), run("b", 1, 1.0), run("c", 0, 0.0)]
    row = summarise(items, runs)["retail"]
    assert (row["tasks"], row["tries"], row["unknown"], row["ended"]) == (3, 6, 1, {"user_stop": 5})
    assert row["passes"]["pass^1"]["mean"] == pytest.approx(0.5)
    assert (row["passes"]["pass^2"]["mean"], row["passes"]["pass^2"]["items"]) == (0.5, 2)


def test_the_table_says_what_is_unknown():
    items = [item("a", 0), item("b", 0)]
    console = Console(width=120, record=True)
    console.print(table(summarise(items, [run("a", 0, 1.0)]) | summarise([], []), "title"))
    line = next(line for line in console.export_text().splitlines() if "retail" in line)
    assert line.split() == ["retail", "2", "2", "1", "100.0", "[100,", "100]"]


def test_a_domain_of_which_nothing_is_known_has_no_rates():
    assert summarise([item("a", 0)], [])["retail"]["passes"] == {}
