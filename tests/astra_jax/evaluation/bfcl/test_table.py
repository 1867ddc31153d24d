"""Accuracies with intervals: unknown is not failed, defective items are counted twice, groups as the leaderboard's."""

import pytest
from rich.console import Console

from astra_jax.evaluation.bfcl.records import BfclRun, Verdict
from astra_jax.evaluation.bfcl.table import GROUPS, defects, summarise, table


def run(item, valid):
    return BfclRun(
        messages=[], tools=[], item=item, category=item.rsplit("_", 1)[0], turns=[], stop="finished",
        verdict=Verdict(valid=valid),
    )  # fmt: skip


def ids(category, count):
    return [f"{category}_{number}" for number in range(count)]


def test_an_item_without_a_run_is_unknown_and_not_failed():
    summary = summarise({"simple_java": ids("simple_java", 4)}, [run("simple_java_0", True)])
    row = summary["categories"]["simple_java"]
    assert (row["items"], row["unknown"], row["accuracy"], row["ci95"]) == (4, 3, 1.0, [1.0, 1.0])
    assert (
        summarise({"simple_java": ids("simple_java", 2)}, [])["categories"]["simple_java"]["accuracy"] is None
    )


def test_defective_items_count_in_one_accuracy_and_not_in_the_other():
    names = ids("multi_turn_base", 5)
    assert "multi_turn_base_4" in defects()
    summary = summarise(
        {"multi_turn_base": names}, [run(name, name != "multi_turn_base_4") for name in names]
    )
    row = summary["categories"]["multi_turn_base"]
    assert (row["defective"], row["accuracy"], row["sound"]["accuracy"]) == (1, 0.8, 1.0)
    older = summarise({"multi_turn_base": names}, [run(name, True) for name in names], version="v3")
    assert older["categories"]["multi_turn_base"]["defective"] == 0


def test_multi_turn_is_the_mean_of_its_categories_and_live_that_of_its_items():
    multi, live = list(GROUPS["multi-turn"]), list(GROUPS["live AST"])
    sizes = dict.fromkeys(multi, 2) | dict(zip(live, (6, 1, 1, 2), strict=True))
    items = {category: ids(category, size) for category, size in sizes.items()}
    runs = [run(name, category in (multi[0], live[0])) for category in items for name in items[category]]
    groups = summarise(items, runs)["groups"]
    assert groups["multi-turn"] == {"accuracy": 0.25, "ci95": [0.25, 0.25]}
    assert groups["live AST"]["accuracy"] == pytest.approx(0.6)


def test_the_three_languages_count_as_one_category():
    weights = GROUPS["non-live AST"]
    assert sum(w for w in weights.values() if w) == pytest.approx(1)
    items = {category: ids(category, 3) for category in weights}
    runs = [run(name, category.startswith("simple")) for category in items for name in items[category]]
    assert summarise(items, runs)["groups"]["non-live AST"]["accuracy"] == pytest.approx(0.25)


def test_a_group_of_which_a_category_is_missing_is_left_out():
    items = {category: ids(category, 1) for category in list(GROUPS["multi-turn"])[:3]}
    assert summarise(items, [run(name, True) for names in items.values() for name in names])["groups"] == {}


def test_the_table_says_what_is_unknown_and_what_is_defective():
    names = ids("multi_turn_base", 5)
    console = Console(width=120, record=True)
    console.print(table(summarise({"multi_turn_base": names}, [run(names[0], True)]), "title"))
    line = next(line for line in console.export_text().splitlines() if "multi_turn_base" in line)
    assert line.split() == [
        "multi_turn_base",
        "5",
        "4",
        "1",
        "100.0",
        "[100,",
        "100]",
        "100.0",
        "[100,",
        "100]",
    ]


def test_every_defect_has_a_reason():
    assert all(reason.endswith(".") and len(reason) > 40 for reason in defects().values())
