"""Arguments are checked against the tool's document, and problems are said in one clear sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.schema import is_type, problems

TRIP = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2, "maxLength": 5},
        "nights": {"type": "integer", "minimum": 1, "exclusiveMaximum": 30},
        "class": {"type": "string", "enum": ["economy", "business"]},
        "budget": {"type": ["number", "null"]},
        "stops": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "guest": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "when": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/span"}]},
    },
    "required": ["city"],
    "$defs": {"span": {"type": "object", "required": ["from"], "properties": {"from": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"city": "Osk"},
        {"city": "Osk", "nights": 29, "class": "economy", "budget": None},
        {"city": "Osk", "nights": 3.0, "budget": 4.5, "stops": []},
        {"city": "Osk", "guest": {"name": "Bo"}, "when": "now"},
        {"city": "Osk", "when": {"from": "now", "until": "then"}},
    ],
)
def test_arguments_that_fit(arguments):
    assert problems(arguments, TRIP) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "`city` is required and missing"),
        ({"city": 3}, "`city` must be a string, not 3"),
        ({"city": "O"}, "`city` must have at least 2 characters, not 1"),
        ({"city": "Osk", "nights": True}, "`nights` must be an integer, not true"),
        ({"city": "Osk", "nights": "3"}, '`nights` must be an integer, not "3"'),
        ({"city": "Osk", "nights": 0}, "`nights` must be at least 1, not 0"),
        ({"city": "Osk", "nights": 30}, "`nights` must be less than 30, not 30"),
        ({"city": "Osk", "class": "first"}, '`class` must be one of "economy", "business", not "first"'),
        ({"city": "Osk", "budget": "4"}, '`budget` must be a number or a null, not "4"'),
        ({"city": "Osk", "stops": ["Pell", 4]}, "`stops[1]` must be a string, not 4"),
        ({"city": "Osk", "stops": ["a", "b", "c"]}, "`stops` must have at most 2 elements, not 3"),
        ({"city": "Osk", "guest": {}}, "`guest.name` is required and missing"),
        (
            {"city": "Osk", "guest": {"name": "Bo", "age": 3}},
            "`guest.age` is not a parameter; the parameters are: `name`",
        ),
        (
            {"city": "Osk", "when": 3},
            "`when` fits none of its forms: `when` must be a string, not 3; or `when` must be an object, not 3",
        ),
    ],
)
def test_what_does_not_fit_is_said(arguments, problem):
    assert problems(arguments, TRIP) == [problem]


def test_every_problem_is_said():
    found = problems({"town": "Osk", "nights": "x", "budget": 3}, TRIP)
    assert [each.split("`")[1] for each in found] == ["city", "town", "nights"]


def test_unknown_names_are_allowed_only_when_the_document_says_so():
    assert problems({"x": 1}, {"type": "object", "properties": {}})
    assert not problems({"x": 1}, {"type": "object", "properties": {}, "additionalProperties": True})


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"properties": None},
        {"properties": {"x": None}},
        {"properties": {"x": "string"}},
        {"properties": {"x": {"type": "str"}}, "required": "x"},
        {"properties": {"x": {"type": None, "enum": None, "minimum": "1", "items": 3, "maxLength": "9"}}},
        {"properties": {"x": {"$ref": "#/$defs/nowhere"}}},
        {"properties": {"x": {"$ref": "http://example.org/schema"}}},
        {"properties": {"x": {"$ref": "#/properties/x"}}},
        {"properties": {"x": {"anyOf": [{"$ref": "#/properties/x"}]}}},
        {"properties": {"x": {"pattern": "(a+)+$"}}},
    ],
)
def test_odd_documents_are_no_reason_to_fail(odd):
    problems({"x": "a" * 40 + "b"}, odd)
    assert not problems({}, {**odd, "required": []})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3),
)


@given(JSON)
def test_each_value_has_one_type_but_for_whole_numbers(value):
    types = {
        name
        for name in ("null", "boolean", "integer", "number", "string", "array", "object")
        if is_type(value, name)
    }
    assert len(types) == 1 or types == {"integer", "number"}


@given(
    st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    st.dictionaries(st.text(max_size=8), JSON, max_size=4),
)
def test_any_arguments_and_any_schema_are_answered(arguments, schema):
    assert all(isinstance(problem, str) for problem in problems(arguments, schema))


@pytest.mark.parametrize(
    ("value", "step", "fits"),
    [
        (48, 24, True),
        (50, 24, False),
        (0.3, 0.1, True),
        (19.99, 0.01, True),
        (19.995, 0.01, False),
        (-4, 2, True),
        (7, 2.5, False),
        (10**30, 0.1, True),
        (3, 0, True),
        (3, "2", True),
        ("x", 2, True),
    ],
)
def test_multiples_are_counted_by_decimal_digits(value, step, fits):
    document = {"properties": {"a": {"multipleOf": step}}}
    assert problems({"a": value}, document) == (
        [] if fits else [f"`a` must be a multiple of {step}, not {value}"]
    )
