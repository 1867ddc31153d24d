"""Charts from metrics: nothing invented, nothing lost, gaps where a figure is unknown."""

from __future__ import annotations

import math

from astra_jax.evaluation.report.curves import MAX_POINTS, charts, series_of


def test_keys_of_one_kind_share_a_chart_and_every_key_has_one():
    records = [
        {"step": s, "loss": 1.0, "reward/f1": 0.1, "reward/recall": 0.2, "odd/key": 3, "time/step_s": 1}
        for s in (1, 2)
    ]
    made = charts("rl", series_of(records))
    assert [(chart["title"], [series["name"] for series in chart["series"]]) for chart in made] == [
        ("Reward", ["reward/f1", "reward/recall"]),
        ("Loss", ["loss"]),
        ("Time (s)", ["time/step_s"]),
        ("odd/key", ["odd/key"]),
    ]
    assert made[-1]["series"][0]["points"] == [(1, 3), (2, 3)]


def test_what_is_no_finite_number_is_a_gap():
    records = [
        {"step": 1, "loss": 2.0},
        {"step": 2, "loss": None},
        {"step": 3, "loss": math.nan},
        {"step": 4, "note": "x"},
    ]
    assert series_of(records) == {"loss": [(1, 2.0), (2, None), (3, None)]}


def test_long_series_are_thinned_to_real_points_with_both_ends():
    points = [(s, float(s)) for s in range(7 * MAX_POINTS + 3)]
    thinned = charts("sft", {"loss": list(points)})[0]["series"][0]["points"]
    assert len(thinned) <= MAX_POINTS + 1
    assert set(thinned) <= set(points)
    assert [thinned[0], thinned[-1]] == [points[0], points[-1]]
