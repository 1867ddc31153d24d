"""How many answers there are of an answer's length and characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.specificity import guesses


@pytest.mark.parametrize(
    ("expected", "count"),
    [
        (True, 2),
        ("Yes!", 2),
        ("no", 2),
        ("N/A", 2),
        ("None", 2),
        (7, 10),
        (-7, 10),
        ("7", 10),
        (12, 100),
        (12.0, 100),
        (0.5, 100),
        (412, 1000),
        ("11:45", 10**4),
        ("OR", 26**2),
        ("4c", 36**2),
        ("Blue Gate", 26**8),
        ("京都", 1000**2),
        (["B2", 3], 36**2 * 10),
        ({"open": True, "price": 412}, 2000),
        ([3, 3, 3], 10),
        ([3, "3", [3.0, {"n": 3}]], 10),
        ({"open": True, "warm": True, "floor": 2}, 20),
        ([], 1),
        (None, 1),
    ],
)
def test_the_count(expected, count):
    assert guesses(expected) == count


@given(st.text(max_size=8) | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_more_of_it_never_says_less(expected):
    assert guesses([expected, "x1"]) >= guesses(expected) >= 1
