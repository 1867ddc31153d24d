"""What counts as an answer, and what calls earn."""

from __future__ import annotations

import json
import random
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data_synthesis.arenas.scoring import contains_answer, f1, is_empty, match, score
from data_synthesis.records import GoldCall, ToolEvent

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=6), v, max_size=4)
)
ANSWERS = VALUES.filter(lambda value: not is_empty(value))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (12, 12.0),
        ("12", 12),
        (12, "12"),
        ("It costs 12.", 12),
        ({"total": "1,200"}, 1200),
        ("$1,200.50 in all", 1200.5),
        (0.1 + 0.2, 0.3),
        ("minus −5 degrees", -5),
        (10**30, 10**30),
        ("12 km", "12.0 KM"),
        ("The Blue-Gate, of course!", "blue gate"),
        ("ＢＬＵＥ", "blue"),
        ("O’Brien", "o'brien"),
        ("straße", "STRASSE"),
        ("他住在北京市。", "北京"),
        ("2024/05/12", "2024/05/12"),
        ({"a": [{"b": True}]}, True),
        ("true", True),
        ({"found": False}, False),
        (False, "false"),
        ([1, 2, 3], [3, 1]),
        ({"a": {"high": 20, "low": 5}, "b": 1}, {"low": 5, "high": 20}),
        ({"result": [20, "Bo"]}, {"age": 20, "name": "bo"}),
        ({"gate": None, "city": "Osk"}, {"gate": None, "city": "Osk"}),
        ('{"age": 20}', 20),
        ('[{"age": 20}]', {"age": 20}),
    ],
)
def test_contained(output, expected):
    assert contains_answer(output, expected)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (120, 12),
        (12.5, 12),
        ("120", 12),
        ("12.5", 12),
        ("1,200", 200),
        ("12kg", 12),
        ("A12", 12),
        ("2024-05-12", 12),
        ("14:30", 30),
        ("1-5", 5),
        ("3/4", 3),
        (-5, 5),
        (5, -5),
        ("007", 7),
        ("7", "007"),
        (True, 1),
        (1, True),
        ("1", True),
        ("that is true", True),
        (True, False),
        (None, False),
        ("catalog", "cat"),
        ("blue", "blue gate"),
        (["blue", "gate"], "blue gate"),
        ({"blue": 1}, "blue"),
        ([1, 2], [1, 3]),
        ({"low": 20, "high": 5}, {"high": 20}),
        ({"gate": "B2"}, {"gate": None, "city": "B2"}),
        ("anything", ""),
        ("anything", " ?! "),
        (None, None),
        ([], []),
        ({"a": None}, {"a": None}),
        ([None, ""], [None, ""]),
    ],
)
def test_not_contained(output, expected):
    assert not contains_answer(output, expected)


@given(ANSWERS)
def test_an_answer_contains_itself(answer):
    assert contains_answer(answer, answer)


@given(ANSWERS, st.lists(VALUES, max_size=3), st.randoms())
def test_an_answer_is_found_wherever_it_stands(answer, others, rng: random.Random):
    around = [*others, answer]
    rng.shuffle(around)
    assert contains_answer({"result": around}, answer)


@given(ANSWERS)
def test_an_answer_is_found_in_json_text(answer):
    assert contains_answer(json.dumps([answer]), answer)


@given(VALUES.filter(is_empty), VALUES)
def test_an_empty_answer_is_never_found(answer, output):
    assert not contains_answer(output, answer)


@given(st.integers(-(10**20), 10**20), st.text("abc xyz.,", max_size=8), st.text("abc xyz", max_size=8))
def test_a_number_is_found_in_text_between_spaces(number, before, after):
    assert contains_answer(f"{before} {number} {after}", number)
    assert contains_answer(f"{before} {number:,} {after}", number)


@given(st.integers(0, 10**9), st.integers(0, 9), st.booleans())
def test_a_number_is_not_found_in_a_longer_one(number, digit, in_front):
    longer = int(f"{digit or 1}{number}" if in_front else f"{number}{digit}")
    assume(longer != number)
    assert not contains_answer(longer, number)
    assert not contains_answer(str(longer), number)
    assert not contains_answer(f"{number}.{digit or 1}", number)


@given(st.text("abXY é", min_size=1, max_size=20).filter(str.strip))
def test_case_space_and_punctuation_do_not_matter(text):
    assert contains_answer(f"({'  '.join(text.split()).upper()}!)", text)


@given(st.integers(1, 20), st.data())
def test_f1_is_the_harmonic_mean_of_recall_and_precision(n, data):
    calls = data.draw(st.integers(0, 40))
    solved = data.draw(st.integers(0, min(n, calls)))
    parts = f1(n, solved, calls)
    assert 0 <= parts.f1 <= 1
    assert (parts.recall, parts.precision) == (solved / n, solved / calls if calls else 0)
    if solved:
        assert parts.f1 == pytest.approx(2 / (1 / parts.recall + 1 / parts.precision))
    assert (parts.f1 == 1) == (solved == n == calls)


@pytest.mark.parametrize(("n", "solved", "calls"), [(0, 0, 0), (2, 3, 5), (5, 3, 2), (2, -1, 3)])
def test_impossible_scores_are_refused(n, solved, calls):
    with pytest.raises(ValueError, match="no such score"):
        f1(n, solved, calls)


def gold(number: int, tool: str, expected: object, **arguments) -> GoldCall:
    return GoldCall.model_validate({"id": number, "tool": tool, "expected": expected, "arguments": arguments})


def event(tool: str, output: object, status: str = "ok", **arguments) -> ToolEvent:
    text = json.dumps(output)
    fields = {
        "turn": 0,
        "call_id": "c",
        "name": tool,
        "arguments": arguments,
        "output": text,
        "status": status,
    }
    return ToolEvent.model_validate(fields)


GOLD_CALLS = st.lists(st.tuples(st.sampled_from("fg"), st.integers(0, 4)), min_size=1, max_size=5).map(
    lambda pairs: [gold(i, tool, answer) for i, (tool, answer) in enumerate(pairs, 1)]
)
EVENTS = st.lists(
    st.builds(
        lambda tool, output, status, key: event(tool, output, status, key=key),
        st.sampled_from("fgh"),
        st.lists(st.integers(0, 5), max_size=3),
        st.sampled_from(["ok", "ok", "ok", "tool_error", "bad_arguments"]),
        st.integers(10, 13),
    ),
    max_size=6,
)


def most_matched(gold_calls: list[GoldCall], events: list[ToolEvent]) -> int:
    """By trying, for each gold call, every event that is still free."""
    if not gold_calls:
        return 0
    fits = [i for i in range(len(events)) if match(gold_calls[:1], events[i : i + 1])]
    rest = gold_calls[1:]
    skipped = most_matched(rest, events)
    return max([skipped, *(1 + most_matched(rest, events[:i] + events[i + 1 :]) for i in fits)])


@given(GOLD_CALLS, EVENTS)
def test_the_matching_is_distinct_and_as_large_as_can_be(gold_calls, events):
    unique = list({e.name + str(e.arguments): e for e in reversed(events)}.values())
    found = match(gold_calls, unique)
    assert len(set(found.values())) == len(found)
    assert len(found) == most_matched(gold_calls, unique)
    by_id = {g.id: g for g in gold_calls}
    for index, gold_id in found.items():
        assert (unique[index].status, unique[index].name) == ("ok", by_id[gold_id].tool)
        assert contains_answer(json.loads(unique[index].output), by_id[gold_id].expected)


@given(GOLD_CALLS, EVENTS, st.randoms())
def test_the_order_of_gold_calls_does_not_matter(gold_calls, events, rng: random.Random):
    shuffled = list(gold_calls)
    rng.shuffle(shuffled)
    assert score(shuffled, events) == score(gold_calls, events)
    assert match(shuffled, events).keys() == match(gold_calls, events).keys()


@given(GOLD_CALLS, EVENTS.filter(lambda e: len({(x.name, str(x.arguments)) for x in e}) == len(e)))
def test_the_order_of_different_calls_does_not_matter(gold_calls, events):
    scores = [score(gold_calls, list(order)) for order in list(permutations(events))[:24]]
    assert all(each == scores[0] for each in scores)


@given(GOLD_CALLS, EVENTS)
def test_a_repeated_call_adds_no_recall_and_costs_precision(gold_calls, events):
    assume(events)
    before, after = score(gold_calls, events), score(gold_calls, events + events)
    assert after.solved == before.solved
    assert after.f1 < before.f1 or before.f1 == 0


@given(GOLD_CALLS, EVENTS, EVENTS)
def test_more_calls_never_lose_what_was_solved(gold_calls, events, more):
    before, after = score(gold_calls, events), score(gold_calls, events + more)
    assert after.solved >= before.solved
    assert after.solved - before.solved <= len(more)
    assert match(gold_calls, events).keys() <= match(gold_calls, events + more).keys()


def test_one_call_solves_one_sub_question():
    gold_calls = [gold(1, "f", 1), gold(2, "f", 2), gold(3, "f", 3)]
    assert score(gold_calls, [event("f", [1, 2, 3])]).solved == 1
    assert score(gold_calls, [event("f", [1, 2, 3], x=1), event("f", [1, 2, 3], x=2)]).solved == 2
    # the first event can solve either, the second only gold call 1: both are solved
    assert match(gold_calls[:2], [event("f", [1, 2], x=1), event("f", [1], x=2)]) == {0: 2, 1: 1}


def test_only_executed_calls_of_the_gold_tool_solve():
    calls = [event("f", 1, status) for status in ("tool_error", "bad_arguments", "breach")] + [event("g", 1)]
    assert score([gold(1, "f", 1)], calls).solved == 0


def test_an_echo_of_the_agents_own_argument_is_no_answer():
    boss = gold(1, "boss", "Bo", of="Ann")
    assert match([boss], [event("boss", {"of": "Bo", "boss": "Cy"}, of="Bo")]) == {}
    assert match([boss], [event("boss", {"of": "Bo", "boss": "Bo"}, of="Bo")]) == {0: 1}
    larger = gold(1, "larger", {"a": "Osk", "larger": "Osk"}, a="Osk", b="Pell")
    assert match([larger], [event("larger", {"a": "Osk", "larger": "Osk"}, a="Osk", b="Pell")]) == {0: 1}


def test_a_call_may_be_made_again_when_it_was_not_executed_before():
    refused = event("f", {"error": "no tool"}, "unknown_tool")
    assert match([gold(1, "f", 1)], [refused, event("f", 1)]) == {1: 1}
