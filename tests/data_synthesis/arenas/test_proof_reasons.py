"""For each reason of the stricter checks: tools that are caught, and honest neighbours that are not."""

from __future__ import annotations

from dataclasses import fields

import pytest

from data_synthesis.arenas.proof import prove
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.source import read_source

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
ROOMS = 'ROOMS = {"Lindal": 412, "Marrow": 388, "Osk": 951, "Pell": 127}'


def reasons(arena, sandbox, **settings) -> set[str]:
    return set(prove(arena, sandbox, ProofSettings(**settings)).reasons)


def priced(body: str, build, expected: object = 412, before: str = "", **parameters):
    """A tool `price(hotel)` with the table of rooms, whose body is given; the gold call asks for Lindal."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"{ROOMS}\n{before}\ndef price(hotel):\n{lines}\n"
    return build.one_tool(source, expected, {"hotel": {**TEXT, **parameters}}, hotel="Lindal")


CLOCKS = {
    "an import in disguise": "return {'price': ROOMS[hotel], 'at': int(__import__('ti' + 'me').time()) // 9}",
    "the weekday by getattr": "import datetime\nd = getattr(datetime, 'dat' + 'e')\n"
    "return {'price': ROOMS[hotel], 'day': getattr(d, 'to' + 'day')().weekday()}",
    "a module by name": "import importlib\nt = importlib.import_module('time')\n"
    "return {'price': ROOMS[hotel], 'year': t.localtime().tm_year}",
    "the time zone": "import sys\nreturn {'price': ROOMS[hotel], 'zone': sys.modules['time'].tzname[0]}",
    "chance": "r = __import__('ran' + 'dom')\nreturn {'price': ROOMS[hotel], 'booking': r.randrange(10**9)}",
}
ORDERS = {
    "a set as text": "return {'price': ROOMS[hotel], 'near': ', '.join({'bar', 'gym', 'spa', 'pool', 'lift', 'park'})}",
    "one of a set": "rows = set('abcdefghijkl') - set(hotel)\nreturn {'price': ROOMS[hotel], 'row': next(iter(rows))}",
    "a hash": "return {'price': ROOMS[hotel], 'key': hash(hotel) % 1000}",
    "a list of a set": "return [ROOMS[hotel], *{name.upper() for name in ROOMS}]",
}
STEADY = {
    "a sorted set": "return {'price': ROOMS[hotel], 'near': sorted({'bar', 'gym', 'spa', 'pool', 'lift'})}",
    "a test of membership": "return {'price': ROOMS[hotel], 'sea': hotel in {'Lindal', 'Osk', 'Tarn', 'Ulm'}}",
    "a seed": "import random\nreturn {'price': ROOMS[hotel], 'key': random.Random(hotel).randrange(10**6)}",
    "a digest": "import hashlib\nreturn {'price': ROOMS[hotel], 'key': hashlib.md5(hotel.encode()).hexdigest()}",
    "a day of its own": "from datetime import date\nreturn {'price': ROOMS[hotel], 'day': date(2026, 3, 1).weekday()}",
    "a stated moment": "import time\nreturn {'price': ROOMS[hotel], 'at': time.strftime('%Y', time.gmtime(86400))}",
}


@pytest.mark.parametrize("case", CLOCKS)
def test_a_clock_or_chance_that_is_not_seen_in_the_source_shows_in_another_world(case, sandbox, build):
    arena = priced(CLOCKS[case], build)
    assert not read_source(arena.tools[0].source, "price").clock_or_random
    assert reasons(arena, sandbox) == {"clock_or_random"}


@pytest.mark.parametrize("case", ORDERS)
def test_an_order_of_hashes_shows_in_another_world(case, sandbox, build):
    assert reasons(priced(ORDERS[case], build), sandbox) == {"non_deterministic"}


@pytest.mark.parametrize("case", STEADY)
def test_what_is_the_same_everywhere_is_not_taken_for_either(case, sandbox, build):
    assert reasons(priced(STEADY[case], build), sandbox) == set()


def test_the_detail_says_what_the_output_follows(sandbox, build):
    def detail(body: str) -> str:
        (check,) = [c for c in prove(priced(body, build), sandbox).checks if not c.passed]
        return check.detail

    assert "whose clocks and time zones differ" in detail(CLOCKS["the time zone"])
    assert "by a clock or by chance" in detail(CLOCKS["chance"])
    assert "whose hashes differ" in detail(ORDERS["a hash"])


def looked_up(answers: dict, expected: object, build):
    source = f"ANSWERS = {answers!r}\ndef look(key):\n    return {{'answer': ANSWERS[key]}}\n"
    return build.one_tool(source, expected, {"key": TEXT}, key="first")


@pytest.mark.parametrize(
    ("expected", "others"),
    [
        (True, [True, False]),
        ("yes", ["yes", "no", "yes"]),
        (7, [7, 8]),
        ("ok", ["ok", "late"]),
        ("B2", ["B2", "C1", "B2"]),
        ([True, 3], [[True, 3], [False, 3]]),
        ({"open": True}, [{"open": False}, {"open": True}]),
    ],
)
def test_an_answer_that_says_little_and_is_common_is_refused(expected, others, sandbox, build):
    answers = dict(zip(["first", "second", "third", "fourth"], [expected, *others], strict=False))
    wanted = reasons(looked_up(answers, expected, build), sandbox, guesses=1500)
    assert wanted == {"unspecific_answer"}


@pytest.mark.parametrize(
    ("expected", "others"),
    [
        (True, [False, False, False]),
        ("yes", ["no", "maybe", "no"]),
        (7, [8, 9, 10]),
        (412, [412, 388]),
        ("blue", ["red", "blue"]),
        ("2026-03-01", ["2026-03-01", "2026-03-02"]),
        ("東京", ["京都", "東京"]),
        ([True, 412], [[True, 412], [False, 3]]),
    ],
)
def test_an_answer_that_says_enough_or_is_rare_is_not(expected, others, sandbox, build):
    answers = dict(zip(["first", "second", "third", "fourth"], [expected, *others], strict=False))
    assert reasons(looked_up(answers, expected, build), sandbox) == set()


def test_an_answer_that_says_little_needs_changed_calls_that_are_answered(sandbox, build):
    guarded = "if hotel != 'Lindal':\n    raise KeyError(hotel)\nreturn {'floor': len(hotel) + 1}"
    assert reasons(priced(guarded, build, 7), sandbox) == {"unspecific_answer"}
    assert reasons(priced(guarded, build, 7), sandbox, guesses=10) == set()


DEAD = """\
if hotel in ROOMS:
    return {"price": ROOMS[hotel]}
total = 0
for name, price in ROOMS.items():
    nights = len(name)
    if nights > 4:
        price *= 0.9
    elif nights > 3:
        price *= 0.95
    total += price * nights
average = total / len(ROOMS)
spread = max(ROOMS.values()) - min(ROOMS.values())
return {"estimate": round(average + spread / 2)}"""


def test_a_tool_of_which_the_gold_calls_run_little_is_refused(sandbox, build):
    assert reasons(priced(DEAD, build), sandbox) == {"low_coverage"}
    assert reasons(priced(DEAD, build), sandbox, coverage=0.1) == set()


def test_a_tool_of_which_they_run_most_is_not(sandbox, build):
    alive = DEAD.replace("if hotel in ROOMS:", "if not hotel:").replace("ROOMS[hotel]}", "0}")
    alive = alive.replace(
        '{"estimate": round(average + spread / 2)}', '{"price": ROOMS[hotel], "mean": average}'
    )
    assert reasons(priced(alive, build), sandbox) == set()


def test_the_gold_calls_of_a_tool_are_counted_together(sandbox, build):
    source = f"{ROOMS}\ndef price(hotel, nights):\n    cost = ROOMS[hotel]\n"
    source += "    if nights > 6:\n" + "".join(f"        cost -= {n}\n" for n in range(1, 9))
    source += "    else:\n" + "".join(f"        cost += {n}\n" for n in range(1, 9))
    source += "    return {'price': cost}\n"
    tool = build.tool(source, hotel=TEXT, nights={**WHOLE, "minimum": 1})
    short = build.call(1, "price", 448, hotel="Lindal", nights=2)
    long = build.call(2, "price", 352, hotel="Marrow", nights=9)
    strict = {"coverage": 0.75}
    assert reasons(build.arena([tool], [short]), sandbox, **strict) == {"low_coverage"}
    assert reasons(build.arena([tool], [short, long]), sandbox, **strict) == set()


@pytest.mark.parametrize(
    "settings",
    [{"tool_bytes": 99}, {"arena_bytes": 150}, {"tools": 1}, {"gold_calls": 2}],
    ids=lambda settings: next(iter(settings)),
)
def test_an_arena_above_a_size_is_refused_before_anything_is_run(settings, build):
    report = prove(build.multi_hop(), sandbox=None, settings=ProofSettings(**settings))  # type: ignore[arg-type]
    assert [(check.name, check.reason) for check in report.checks] == [("budget", "too_large")]


def test_an_arena_at_its_sizes_is_not(sandbox, build):
    arena = build.multi_hop()
    sizes = [len(tool.source.encode()) for tool in [*arena.tools, *arena.distractors]]
    exact = {"tool_bytes": max(sizes), "arena_bytes": sum(sizes), "tools": 3, "gold_calls": 3}
    assert reasons(arena, sandbox, **exact) == set()
    assert reasons(priced(f"# {'x' * 33_000}\nreturn ROOMS[hotel]", build), sandbox) == {"too_large"}


def test_a_tool_above_its_seconds_is_refused(sandbox, build):
    work = "sum(range(10**6))\nreturn ROOMS[hotel]"
    assert reasons(priced(work, build), sandbox, cpu_seconds=1e-6) == {"too_slow"}
    assert reasons(priced(work, build), sandbox, cpu_seconds=50.0) == set()
    loading = priced("return ROOMS[hotel]", build, before="sum(range(10**6))")
    assert reasons(loading, sandbox, load_cpu_seconds=1e-6) == {"too_slow"}
    assert reasons(loading, sandbox, load_cpu_seconds=50.0) == set()


def test_a_tool_that_is_too_slow_to_have_its_lines_counted_is_refused(sandbox, build):
    work = "for i in range(10**9 if __import__('sys').gettrace() else 9):\n    i += 1\nreturn ROOMS[hotel]"
    arena = priced(work, build)
    assert reasons(arena, sandbox, traced_call_seconds=0.3) == {"too_slow"}


def test_sleeping_costs_no_processor_but_has_a_deadline(sandbox, build):
    asleep = priced("import time\ntime.sleep(0.01)\nreturn ROOMS[hotel]", build)
    assert reasons(asleep, sandbox) == set()
    assert reasons(priced("import time\ntime.sleep(60)\nreturn 1", build), sandbox, call_seconds=0.1) == {
        "too_slow"
    }


def test_an_output_above_its_size_is_refused(sandbox, build):
    arena = priced("return {'price': ROOMS[hotel], 'hotel': hotel}", build)
    assert reasons(arena, sandbox, output_chars=10) == {"dumps_table"}


def test_an_argument_for_which_no_other_value_can_be_made_is_refused(sandbox, build):
    def stayed(schema: dict):
        source = "def cost(nights):\n    return {'cost': 206 * len(nights) * sum(nights) // 2}\n"
        return build.one_tool(source, 412, {"nights": schema}, nights=[1, 1])

    only = {"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 2}
    assert reasons(stayed(only), sandbox) == {"unperturbed_argument"}
    assert reasons(stayed({**only, "maxItems": 3}), sandbox) == set()


@pytest.mark.parametrize(
    "schema",
    [{"enum": ["Lindal"]}, {"const": "Lindal"}, {"allOf": [{"const": "Lindal"}], "$ref": "#/$defs/one"}],
    ids=["enum", "const", "reference"],
)
def test_a_call_whose_arguments_have_no_choice_is_one_without_arguments(schema, sandbox, build):
    arena = priced("return {'price': ROOMS[hotel]}", build, **schema)
    arena.tools[0].spec.parameters["$defs"] = {"one": {"const": "Lindal"}}
    assert reasons(arena, sandbox) == {"constant_output"}


def test_a_call_of_which_one_argument_has_a_choice_is_judged_by_it(sandbox, build):
    source = f"{ROOMS}\ndef price(hotel, unit):\n    return {{'price': ROOMS[hotel], 'unit': unit}}\n"
    parameters = {"hotel": TEXT, "unit": {"const": "EUR"}}
    assert reasons(build.one_tool(source, 412, parameters, hotel="Lindal", unit="EUR"), sandbox) == set()


def test_every_threshold_is_documented():
    document = ProofSettings.__doc__ or ""
    assert all(f"{field.name}:" in document for field in fields(ProofSettings))
