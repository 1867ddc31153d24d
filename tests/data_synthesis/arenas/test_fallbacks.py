"""Which literals of a source are given where nothing is known of the input, and which are rows of its data."""

from __future__ import annotations

from textwrap import dedent

import pytest

from data_synthesis.arenas.source import ToolSource, read_source


def read(source: str) -> ToolSource:
    return read_source(dedent(source).strip(), "f")


RETURNED = {
    "at the end": "    if a:\n        return 1\n    return ANSWER",
    "in the last branch": "    if a == 1:\n        return 1\n    else:\n        return ANSWER",
    "when a loop runs out": "    for b in a:\n        return b\n    else:\n        return ANSWER",
    "for any other case": "    match a:\n        case _:\n            return ANSWER",
    "inside of with": "    with a:\n        return ANSWER",
    "unless something fails": "    try:\n        return ANSWER\n    except KeyError:\n        raise",
    "by a constant's name": "    return {'price': PRICE}",
    "put together": "    return 'the answer ' + 'is ' + NAME",
    "filled in": "    return f'the answer is {NAME}'",
    "in one of two": "    return 3 if a else ANSWER",
}
FALLBACKS = {
    "of get": "    return T.get(a, ANSWER)",
    "of get, by name": "    return T.get(a, default=ANSWER)",
    "of pop": "    return dict(T).pop(a, ANSWER)",
    "of setdefault": "    return T.setdefault(a, ANSWER)",
    "of next": "    return next((b for b in T if b == a), ANSWER)",
    "of getattr": "    return getattr(T, a, ANSWER)",
    "of max": "    return max(T, default=ANSWER)",
    "of a defaultdict": "    return defaultdict(lambda: ANSWER, T)[a]",
    "of or": "    b = T.get(a) or ANSWER\n    return b",
    "by a constant's name": "    return T.get(a, PRICE)",
    "in a container": "    return T.get(a, {'price': [ANSWER]})",
    "for what is not in a table": "    if a not in T:\n        return ANSWER\n    return T[a]",
    "for what is not in it, in an expression": "    b = T[a] if a in T else ANSWER\n    return b",
    "for nothing found": "    b = T.get(a)\n    if b is None:\n        b = ANSWER\n    return b",
    "for nothing found, otherwise": "    b = T.get(a)\n    if b:\n        return b\n    else:\n        return ANSWER",
    "of a handler": "    try:\n        return T[a]\n    except KeyError:\n        return ANSWER",
    "of a handler that goes on": "    try:\n        b = T[a]\n    except KeyError:\n        b = ANSWER\n    return b",
    "that is seldom overwritten": "    b = ANSWER\n    if a in T:\n        b = T[a]\n    return b",
    "of a helper": "    return g(a)\ndef g(a):\n    return T.get(a, ANSWER)",
}
ROWS = {
    "a mapping": "    return {'x': ANSWER, 'y': 3}[a]",
    "a branch": "    if a == 'x':\n        return ANSWER\n    raise KeyError",
    "a case": "    match a:\n        case 'x':\n            return ANSWER\n    raise KeyError",
    "a table": "    return T.get(a, 0)",
    "a switch": "    b = 2 if a is None else ANSWER\n    return b",
    "a parameter": "    if a:\n        b = 3\n    else:\n        b = ANSWER\n    return b * 2",
    "a comparison": "    b = 3 if len(a) > 3 else ANSWER\n    return b",
    "an operand": "    return T.get(a, 2) * ANSWER",
    "a sum": "    b = ANSWER\n    for c in a:\n        b += c\n    return b",
    "a constant under another name": "    b = ANSWER\n    return b",
    "a name with two values": "    b = ANSWER\n    b = T[a]\n    return b",
}
HEADER = "PRICE = 412\nNAME = 'Osk'\nTOTAL = 0\nT = {'x': 412, 'y': 3}\n"


def source_with(body: str) -> ToolSource:
    return read(f"{HEADER}def f(a):\n{body.replace('ANSWER', '412')}")


@pytest.mark.parametrize("case", RETURNED)
def test_what_is_returned_when_no_condition_held_is_seen(case):
    found = source_with(RETURNED[case]).returned
    assert 412 in found or "the answer is Osk" in found


@pytest.mark.parametrize("case", FALLBACKS)
def test_a_default_is_seen(case):
    assert 412 in source_with(FALLBACKS[case]).fallbacks


@pytest.mark.parametrize("case", ROWS)
def test_a_row_of_data_is_not_taken_for_one(case):
    source = source_with(ROWS[case])
    assert 412 not in source.fallbacks
    assert 412 not in source.returned


def test_a_constant_that_changes_is_none():
    for change in ("PRICE = 7", "PRICE += 7", "def g():\n    global PRICE\n    PRICE += 1"):
        assert 412 not in read(f"{HEADER}{change}\ndef f(a):\n    return PRICE").returned
