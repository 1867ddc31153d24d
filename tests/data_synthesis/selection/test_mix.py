from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.selection.mix import (
    PAPER_MIX,
    SCENARIOS,
    BadMix,
    Item,
    largest,
    mix_of,
    quotas,
    read_mix,
    sample,
)

STRATA: tuple[str, ...] = ("a", "b", "c", "d")
mixes = (
    st.lists(st.integers(0, 60), min_size=4, max_size=4)
    .filter(any)
    .map(lambda weights: mix_of(dict(zip(STRATA, weights, strict=True))))
)
supplies = st.fixed_dictionaries({stratum: st.integers(0, 60) for stratum in STRATA})


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    outlines = draw(st.lists(st.tuples(st.sampled_from(STRATA), st.sampled_from("xyz")), max_size=40))
    return [Item(f"id{number}", *outline) for number, outline in enumerate(outlines)]


def alike(count: int) -> dict[str, int]:
    return dict.fromkeys(STRATA, count)


def test_the_papers_mix_is_exact():
    assert list(PAPER_MIX) == list(SCENARIOS)
    assert sum(PAPER_MIX.values()) == 1
    assert PAPER_MIX["parallel_multi_hop"] * 1000 == 478


@given(mixes, st.integers(0, 500))
def test_quotas_sum_to_the_size_and_are_less_than_one_off(mix, size):
    counts = quotas(mix, size)
    assert sum(counts.values()) == size
    assert all(abs(counts[stratum] - size * share) < 1 for stratum, share in mix.items())


@given(mixes, supplies)
def test_the_largest_size_fits_and_no_larger_one_does(mix, available):
    def fits(size: int) -> bool:
        return all(count <= available[stratum] for stratum, count in quotas(mix, size).items())

    size = largest(mix, available)
    assert fits(size)
    assert not any(fits(more) for more in range(size + 1, sum(available.values()) + 2))


@given(items(), st.fixed_dictionaries({stratum: st.integers(0, 15) for stratum in STRATA}), st.integers(0, 9))
def test_a_sample_is_what_was_asked_for_and_nothing_twice(all_items, counts, seed):
    chosen = sample(all_items, counts, seed)
    available = Counter(item.stratum for item in all_items)
    assert chosen == sorted(set(chosen))
    assert Counter(all_items[position].stratum for position in chosen) == Counter(
        {stratum: min(count, available[stratum]) for stratum, count in counts.items()}
    )
    assert sample(all_items, counts, seed) == chosen


@given(items(), st.integers(0, 12), st.integers(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(all_items, count, seed, rng: random.Random):
    counts = alike(count)
    shuffled = rng.sample(all_items, len(all_items))
    names = {all_items[position].id for position in sample(all_items, counts, seed)}
    assert {shuffled[position].id for position in sample(shuffled, counts, seed)} == names


@given(items(), st.integers(0, 12), st.integers(0, 9))
def test_domains_take_turns_and_a_larger_sample_takes_more(all_items, count, seed):
    smaller, larger = (sample(all_items, alike(each), seed) for each in (count, count + 1))
    assert set(smaller) <= set(larger)
    for stratum in STRATA:
        taken = Counter(
            all_items[position].domain for position in smaller if all_items[position].stratum == stratum
        )
        there = Counter(item.domain for item in all_items if item.stratum == stratum)
        most = max(taken.values(), default=0)
        assert all(taken[domain] >= min(there[domain], most - 1) for domain in there)


def test_another_seed_samples_others():
    all_items = [Item(f"id{number}", "a", "x") for number in range(100)]
    assert sample(all_items, {"a": 10}, 0) != sample(all_items, {"a": 10}, 1)


def test_mixes_have_names_and_files(tmp_path):
    assert read_mix("none") is None
    assert read_mix("paper") == PAPER_MIX
    path = tmp_path / "mix.json"
    path.write_text(json.dumps({"single_hop": 1, "multi_hop": 3.0}))
    assert read_mix(str(path)) == mix_of({"single_hop": 0.25, "multi_hop": 0.75})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"two_hop": 1}', "names `two_hop`, which is none of single_hop"),
        ('{"single_hop": -1}', "the share of `single_hop` is -1, which is negative"),
        ('{"single_hop": 0}', "sum to 0"),
        ('{"single_hop": NaN}', "which is no number"),
        ('{"single_hop": Infinity}', "which is no number"),
        ('{"single_hop": true}', "which is no number"),
        ('{"single_hop": null}', "which is no number"),
    ],
)
def test_a_bad_mix_is_named(tmp_path, text: str, problem: str):
    path = tmp_path / "mix.json"
    path.write_text(text)
    with pytest.raises(BadMix, match=problem) as caught:
        read_mix(str(path))
    assert str(path) in str(caught.value)


def test_a_missing_mix_is_named():
    with pytest.raises(BadMix, match="papers is no mix: it is not `paper`, not `none`"):
        read_mix("papers")
