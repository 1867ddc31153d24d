"""Sound arenas are proved; each kind of unsound one is refused for its own reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data_synthesis.arenas.proof import CHECKS, prove, prove_all
from data_synthesis.records import Arena, FollowUp
from data_synthesis.sandbox import SandboxUnavailable

TEXT = {"type": "string"}
ROOMS = {
    "table": 'ROOMS = {"Lindal": 412, "Marrow": 388, "Osk": 951, "Pell": 127}',
    "rows": (
        'ROOMS = [{"hotel": "Lindal", "price": 412}, {"hotel": "Marrow", "price": 388}, '
        '{"hotel": "Osk", "price": 951}]'
    ),
}


def reasons(arena: Arena, sandbox) -> set[str]:
    report = prove(arena, sandbox)
    assert report.passed == (not report.reasons)
    return set(report.reasons)


def test_sound_arenas_pass_every_check(good_arena, sandbox):
    report = prove(good_arena, sandbox)
    assert report.passed, report.reasons
    assert [check.name for check in report.checks] == list(CHECKS)


# A room price of 412 for the hotel Lindal, got by a tool that is wrong in one way.
WRONG_TOOLS = {
    "a constant": (
        "constant_output",
        """
        def price(hotel):
            return {"hotel": hotel, "price": 2 * 206}
    """,
    ),
    "a constant for every hotel that it knows": (
        "constant_output",
        """
        {table}
        PRICE = 2 * 206
        def price(hotel):
            if hotel not in ROOMS:
                raise KeyError(hotel)
            return {"hotel": hotel, "price": PRICE}
    """,
    ),
    "a constant, and a polite word for other hotels": (
        "constant_output",
        """
        {table}
        def price(hotel):
            if hotel not in ROOMS:
                return {"hotel": hotel, "message": "not known here"}
            return {"hotel": hotel, "price": 2 * 206}
    """,
    ),
    "the whole table": (
        "dumps_table",
        """
        {table}
        def price(hotel):
            return ROOMS
    """,
    ),
    "the whole table as text, for known hotels": (
        "dumps_table",
        """
        {rows}
        def price(hotel):
            if not any(row["hotel"] == hotel for row in ROOMS):
                raise LookupError(hotel)
            return "; ".join(f"{row['hotel']} costs {row['price']}" for row in ROOMS)
    """,
    ),
    "the answer, and the table too": (
        "dumps_table",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "others": sorted(ROOMS.values())}
    """,
    ),
    "too much to read": (
        "dumps_table",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "log": hotel * 2000}
    """,
    ),
    "other things each time": (
        "non_deterministic",
        """
        {table}
        seen = []
        def price(hotel):
            seen.append(hotel)
            return {"price": ROOMS[hotel], "visitors": len(seen)}
    """,
    ),
    "an address": (
        "non_deterministic",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "key": id(hotel)}
    """,
    ),
    "the time": (
        "clock_or_random",
        """
        import time
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "asked": time.time()}
    """,
    ),
    "the day, the same within one run": (
        "clock_or_random",
        """
        import datetime as when
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "day": when.date.today().isoformat()}
    """,
    ),
    "a formatted clock": (
        "clock_or_random",
        """
        from time import strftime
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "year": strftime("%Y")}
    """,
    ),
    "a random id": (
        "clock_or_random",
        """
        from uuid import uuid4
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "booking": str(uuid4())}
    """,
    ),
    "a random number, the same in forks of one process": (
        "clock_or_random",
        """
        import random
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel], "booking": random.randint(1000, 9999)}
    """,
    ),
    "the answer to an unknown hotel": (
        "answer_in_code_default",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS.get(hotel, 412)}
    """,
    ),
    "a literal": (
        "answer_in_code_default",
        """
        def price(hotel):
            if hotel != "Lindal":
                raise KeyError(hotel)
            return {"price": 412}
    """,
    ),
    "a default": (
        "answer_in_code_default",
        """
        {table}
        def price(hotel, fallback=412):
            return {"price": ROOMS[hotel] if hotel in ROOMS else fallback + 1}
    """,
    ),
    "an exception": (
        "gold_call_fails",
        """
        def price(hotel):
            return {"price": 824 // len(hotel[6:])}
    """,
    ),
    "nothing, for ever": (
        "too_slow",
        """
        def price(hotel):
            while True:
                pass
    """,
    ),
    "what is not JSON": (
        "gold_call_fails",
        """
        def price(hotel):
            return {2 * 206}
    """,
    ),
    "another price": (
        "gold_answer_missing",
        """
        {table}
        def price(hotel):
            return {"price": ROOMS[hotel] * 10}
    """,
    ),
    "a source that is not Python": (
        "source_does_not_load",
        """
        def price(hotel): return {
    """,
    ),
    "a source that raises": (
        "source_does_not_load",
        """
        {table}
        ROOMS["Nowhere"]
        def price(hotel):
            return ROOMS[hotel]
    """,
    ),
}


@pytest.mark.parametrize("case", WRONG_TOOLS)
def test_a_wrong_tool_is_refused_for_its_own_reason(case, sandbox, build):
    reason, source = WRONG_TOOLS[case]
    for name, text in ROOMS.items():
        source = source.replace(f"{{{name}}}", text)
    assert reasons(build.one_tool(source, 412, {"hotel": TEXT}, hotel="Lindal"), sandbox) == {reason}


@pytest.mark.parametrize(
    ("signature", "sound"),
    [
        ("hotel", True),
        ("hotel, floor=1", True),
        ("hotel, *, floor=1", True),
        ("hotel='Pell'", True),
        ("**given", True),
        ("town", False),
        ("hotel, floor", False),
        ("hotel, *, floor", False),
        ("hotel, /", False),
    ],
)
def test_the_function_must_take_what_its_document_offers(signature, sound, sandbox, build):
    body = "    given = locals().get('given') or locals()\n    return ROOMS[given['hotel']]\n"
    source = f"{ROOMS['table']}\ndef price({signature}):\n{body}"
    arena = build.one_tool(source, 412, {"hotel": TEXT}, hotel="Lindal")
    assert ("signature_mismatch" in reasons(arena, sandbox)) != sound


def test_an_ignored_day_is_found_among_the_days_that_the_tool_knows(sandbox, build):
    source = """
        DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
        HIGHS = {"Osk": 14, "Pell": 9, "Marrow": 11}
        def high(city, day):
            return {"high": HIGHS[city]} if day in DAYS else {"high": None, "message": "no forecast for that day"}
    """
    arena = build.one_tool(source, 14, {"city": TEXT, "day": TEXT}, city="Osk", day="2026-03-02")
    assert reasons(arena, sandbox) == {"ignores_argument"}


def test_a_bound_matters_when_the_tool_finds_nothing_beyond_it(sandbox, build):
    source = """
        ROOMS = {"Lindal": 412, "Marrow": 388, "Osk": 951, "Pell": 127}
        def cheapest(below):
            return sorted((price, hotel) for hotel, price in ROOMS.items() if price < below)[:1]
    """
    arena = build.one_tool(source, "Pell", {"below": {"type": "integer"}}, below=400)
    assert reasons(arena, sandbox) == set()


def test_an_ignored_argument_is_named(sandbox, build):
    source = f"{ROOMS['table']}\ndef price(hotel, nights, breakfast):\n    return [ROOMS[hotel], nights, breakfast]\n"
    parameters = {"hotel": TEXT, "nights": {"type": "integer"}, "breakfast": {"type": "boolean"}}
    arena = build.one_tool(source, 412, parameters, hotel="Lindal", nights=2, breakfast=True)
    report = prove(arena, sandbox)
    assert report.reasons == ["ignores_argument"]
    failed = next(check for check in report.checks if not check.passed)
    assert "`nights`, `breakfast`" in failed.detail


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is it 412 a night?", 412),
        ("Is it 412.0 a night?", 412),
        ("Which of ANDERS HOLM and Carl Moe is it?", "Anders Holm"),
        ("Why is the answer yes?", "Yes"),
        ("Do 3 and 1,200 fit?", [1200, 3]),
    ],
)
def test_a_question_with_the_answer_is_refused(question, expected, sandbox, build):
    source = f"ANSWERS = {{'a': {expected!r}, 'b': 0, 'c': 1}}\ndef look(key):\n    return ANSWERS[key]\n"
    sound = build.one_tool(source, expected, {"key": TEXT}, key="a")
    assert reasons(sound, sandbox) == set()
    assert reasons(sound.model_copy(update={"question": question}), sandbox) == {"answer_in_question"}


def test_a_follow_up_and_an_intermediate_answer_count_as_the_question(sandbox, build):
    arena = build.multi_hop()
    told = arena.model_copy(update={"question": "What is the number of Tam Ock, who owns Red Gate?"})
    assert reasons(told, sandbox) == {"answer_in_question"}
    follow_ups = [FollowUp(content="It is 555-0142.")]
    asked = arena.model_copy(update={"variant": "missing_parameter", "follow_ups": follow_ups})
    assert reasons(asked, sandbox) == {"answer_in_question"}


def test_two_tools_of_one_name_are_refused(sandbox, build):
    arena = build.prices()
    for field in ("tools", "distractors"):
        twice = arena.model_copy(update={field: [*getattr(arena, field), arena.tools[0]]})
        assert reasons(twice, sandbox) == {"duplicate_tool_name"}


def with_gold(arena: Arena, position: int = 0, **changes) -> Arena:
    gold_calls = list(arena.gold_calls)
    gold_calls[position] = gold_calls[position].model_copy(update=changes)
    return arena.model_copy(update={"gold_calls": gold_calls})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tool": "room_prices"}, "unknown_gold_tool"),
        ({"arguments": {"hotel": 3}}, "bad_gold_arguments"),
        ({"arguments": {}}, "bad_gold_arguments"),
        ({"arguments": {"hotel": "Lindal", "floor": 2}}, "bad_gold_arguments"),
        ({"arguments": {"hotel": "Nowhere"}}, "gold_call_fails"),
        ({"expected": "..."}, "empty_answer"),
        ({"depends_on": [7]}, "bad_dependencies"),
        ({"depends_on": [1]}, "bad_dependencies"),
        ({"depends_on": [2]}, "bad_dependencies"),
        ({"id": 2}, "bad_dependencies"),
        ({"arguments_known": False}, "arguments_unknown"),
        ({"arguments": {"hotel": "Osk"}, "expected": "Osk"}, "duplicate_gold_call"),
    ],
)
def test_a_gold_call_that_does_not_hold_together_is_refused(change, reason, sandbox, build):
    arena = with_gold(build.prices(), 1, depends_on=[1])
    wrong = Arena.model_validate(with_gold(arena, 0, **change).model_dump())
    assert reason in reasons(wrong, sandbox)


def chain(result: str, build) -> Arena:
    bosses = {"Anna": "Boris", "Boris": "Cyril", "Cyril": "Diana"}
    source = f"BOSS = {bosses}\ndef boss(of):\n    return {result}\n"
    calls = [build.call(1, "boss", "Boris", of="Anna"), build.call(2, "boss", "Cyril", (1,), of="Boris")]
    return build.arena([build.tool(source, of=TEXT)], calls)


def test_one_call_must_not_answer_two_sub_questions(sandbox, build):
    assert reasons(chain("{'boss': BOSS[of], 'of': of}", build), sandbox) == set()  # an echo is not an answer
    told = chain("f'the boss of {of} is {BOSS[of]}'", build)
    assert reasons(told, sandbox) == {"answers_another_sub_question"}


def test_a_call_without_arguments_is_a_constant(sandbox, build):
    arena = build.one_tool(
        "import math\ndef hours():\n    return str(math.sqrt(81)) + ' to 5'\n", "9 to 5", {}
    )
    assert reasons(arena, sandbox) == {"constant_output"}


@pytest.mark.parametrize(
    ("variant", "follow_ups", "sound"),
    [
        ("missing_function", [{"content": "Try this.", "reveals": ["phone_of"]}], True),
        ("missing_parameter", [{"content": "The old one."}], True),
        ("missing_function", [], False),
        ("missing_function", [{"content": "Try this.", "reveals": ["room_price"]}], False),
        ("missing_function", [{"content": "Try this.", "reveals": ["phone_of", "fax_of"]}], False),
        ("missing_parameter", [], False),
        ("missing_parameter", [{"content": "Try this.", "reveals": ["phone_of"]}], False),
        ("base", [{"content": "And?"}], False),
    ],
)
def test_follow_ups_must_fit_the_variant(variant, follow_ups, sound, sandbox, build):
    arena = Arena.model_validate(
        {**build.multi_hop().model_dump(), "variant": variant, "follow_ups": follow_ups}
    )
    assert reasons(arena, sandbox) == (set() if sound else {"bad_follow_up"})


def test_several_reasons_are_reported_together(sandbox, build):
    arena = build.multi_hop()
    arena = with_gold(arena, 0, expected="Nobody").model_copy(
        update={"question": "Is it Lio Parr or 555-0142?"}
    )
    clock = build.tool("import time\ndef now_is():\n    return time.time()\n")
    arena = arena.model_copy(update={"distractors": [clock]})
    assert reasons(arena, sandbox) == {"answer_in_question", "gold_answer_missing", "clock_or_random"}


def test_all_are_proved_in_order(sandbox, build):
    arenas = [build.prices(), build.multi_hop(), with_gold(build.prices(), expected=1), build.prices()] * 3
    proved = list(prove_all(iter(arenas), sandbox, workers=3))
    assert [arena.id for arena in proved] == [arena.id for arena in arenas]
    assert [arena.verification and arena.verification.passed for arena in proved] == [
        True,
        True,
        False,
        True,
    ] * 3
    assert all(arena.verification is None for arena in arenas)


def test_a_sandbox_that_fails_proves_nothing(build):
    class Broken:
        def open(self, sources):
            raise SandboxUnavailable("no kernel")

    with pytest.raises(SandboxUnavailable):
        prove(build.prices(), Broken())
    with pytest.raises(SandboxUnavailable):
        list(prove_all([build.prices()], Broken()))


class Silent:
    """A sandbox that says nothing of what its sessions used, as `unknown` would have it."""

    def __init__(self, sandbox, **unknown):
        self.sandbox, self.unknown = sandbox, unknown

    def open(self, sources, **options):
        session = self.sandbox.open(sources, **options)
        session.usage = lambda used=session.usage: replace(used(), **self.unknown)
        return session


@pytest.mark.parametrize(
    ("unknown", "check"), [({"lines": {}}, "coverage"), ({"call_seconds": ()}, "budget")]
)
def test_a_check_that_cannot_be_made_is_never_passed(unknown, check, sandbox, build):
    silent = Silent(sandbox, **unknown)
    with pytest.raises(SandboxUnavailable, match=check):
        prove(build.prices(), silent)
    refused = prove(with_gold(build.prices(), expected=1), silent)
    assert refused.reasons == ["gold_answer_missing"]
    assert check not in {each.name for each in refused.checks}


def test_the_proof_is_the_same_every_time(good_arena, sandbox):
    assert prove(good_arena, sandbox) == prove(good_arena, sandbox)
