"""Changed arguments are other ones, allowed by the document, and as valid as the source lets us know."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.arenas.changes import Change, changes, unchanged
from data_synthesis.arenas.perturb import MADE_UP
from data_synthesis.arenas.schema import problems
from data_synthesis.records import GoldCall, ToolSpec

VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(-1e9, 1e9),
    st.text(max_size=6),
    st.dates().map(str),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def change(arguments: dict, columns: list = [], others: list[dict] = [], **schemas: dict) -> list[Change]:  # noqa: B006
    properties = {name: schemas.get(name, {}) for name in arguments}
    spec = ToolSpec(name="f", parameters={"type": "object", "properties": properties})
    gold = GoldCall(id=1, tool="f", arguments=arguments, expected=1)
    return changes(
        gold, spec, columns, [GoldCall(id=2, tool="f", arguments=other, expected=2) for other in others]
    )


def values(found: list[Change], argument: str) -> list:
    return [each.arguments[argument] for each in found if each.argument == argument]


@given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
@settings(deadline=None)
def test_each_change_is_another_call_and_changes_what_it_says(arguments):
    found = change(arguments)
    assert [each.arguments for each in found] == list(
        {repr(each.arguments): each.arguments for each in found}.values()
    )
    for each in found:
        assert each.arguments != arguments or repr(each.arguments) != repr(arguments)
        assert each.arguments.keys() == arguments.keys()
        assert all(
            repr(each.arguments[name]) == repr(arguments[name]) for name in arguments if name != each.argument
        )


@given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3))
@settings(deadline=None)
def test_changes_fit_the_document(arguments):
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    schemas = {
        name: {"type": kinds[type(value)], "maximum": 5, "maxLength": 7} for name, value in arguments.items()
    }
    parameters = {"type": "object", "properties": schemas}
    assert not any(problems(each.arguments, parameters) for each in change(arguments, **schemas))


def test_known_values_come_from_choices_columns_and_other_gold_calls():
    columns = [("Osk", "Pell", "Marrow", "Lindal", "Rime"), ("osk", "x")]
    found = change({"city": "OSK"}, columns, [{"city": "Tarn"}])
    assert values(found, "city") == ["Pell", "Marrow", "Lindal", MADE_UP]
    assert [each.arguments["city"] for each in found if each.argument == ""] == ["Rime", "Tarn"]
    assert [each.kind for each in found] == [*["known"] * 3, "made_up", "known", "known"]
    assert values(change({"unit": "km"}, unit={"enum": ["km", "mi", "nm"]}), "unit") == ["mi", "nm"]


def test_values_of_a_column_take_the_type_of_the_argument():
    assert values(change({"badge": 7}, [("5", "7", "9")]), "badge")[:2] == [5, 9]
    assert values(change({"badge": "7"}, [(5, 7, 9)]), "badge")[:2] == ["5", "9"]


def test_all_arguments_move_together_to_another_row():
    columns = [("Osk", "Osk", "Pell"), ("a", "b", "c")]
    found = change({"city": "Osk", "day": "a", "nights": 2}, columns)
    assert [each.arguments for each in found if not each.argument] == [
        {"city": "Pell", "day": "c", "nights": 2}
    ]


def test_numbers_and_dates_move_both_ways():
    assert values(change({"n": 10}), "n") == [11, 23, 5, 0]
    assert values(change({"day": "2026-03-01"}), "day") == [
        "2026-03-02",
        "2026-02-28",
        "2026-04-15",
        "2025-01-25",
        MADE_UP,
    ]
    assert values(change({"flag": True}), "flag") == [False]


def test_times_and_moments_move_both_ways():
    moved = ["19:01", "18:59", "19:47", "18:13", "12:53"]  # and never past midnight
    assert values(change({"at": "19:00"}), "at") == [*moved, MADE_UP]
    assert values(change({"at": "00:30:15"}), "at")[:3] == ["00:31:15", "00:29:15", "01:17:15"]
    assert values(change({"at": "3:31:16"}), "at")[:3] == ["3:32:16", "3:30:16", "4:18:16"]
    assert values(change({"at": "2026-03-01T09:30"}), "at")[0] == "2026-03-02T09:30"
    assert values(change({"at": "24:00"}), "at") == values(change({"at": "2026-13-01"}), "at") == [MADE_UP]


SIZES = {"size": {"enum": ["S", "M"]}, "one": {"const": "M"}}
# A schema that leaves little room, and a value of it.
NARROW = {
    "above and below": ({"type": "integer", "minimum": 10, "maximum": 12}, 12),
    "multiples": ({"type": "integer", "multipleOf": 24, "minimum": 24, "maximum": 96}, 48),
    "a part": ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, 0.25),
    "a length": ({"type": "string", "minLength": 5, "maxLength": 5}, "83702"),
    "a longer one": ({"type": "string", "minLength": 12}, "K-2 77 + 5/8"),
    "a choice by reference": ({"$ref": "#/$defs/size"}, "M"),
    "choices of two forms": ({"anyOf": [{"enum": ["x"]}, {"type": "integer", "maximum": 2}]}, "x"),
    "one or nothing": ({"type": ["boolean", "null"]}, None),
    "anything": ({}, None),
    "an empty list": ({"type": "array", "items": {"type": "integer"}}, []),
    "choices in a list": (
        {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 1},
        ["b"],
    ),
    "an empty object": ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
    "choices in an object": (
        {"type": "object", "properties": {"a": {"enum": ["p", "q"]}}, "required": ["a"]},
        {"a": "p"},
    ),
}


def changed_within(schema: dict, value: object) -> tuple[list[Change], list[str]]:
    """The changes of an argument `a` with that schema and value, and the arguments without any."""
    document = {"type": "object", "properties": {"a": schema}, "$defs": SIZES}
    gold = GoldCall.model_validate({"id": 1, "tool": "f", "arguments": {"a": value}, "expected": 1})
    assert not problems(gold.arguments, document)
    found = changes(gold, ToolSpec(name="f", parameters=document), [], [])
    assert not any(problems(each.arguments, document) for each in found)
    return found, unchanged(gold, ToolSpec(name="f", parameters=document), found)


@pytest.mark.parametrize("case", NARROW)
def test_an_argument_is_changed_wherever_its_schema_leaves_room(case):
    schema, value = NARROW[case]
    found, without = changed_within(schema, value)
    assert values(found, "a")
    assert value not in values(found, "a")
    assert without == []


@pytest.mark.parametrize(
    ("schema", "value", "named"),
    [
        ({"const": "a"}, "a", False),
        ({"enum": [3]}, 3, False),
        ({"type": "null"}, None, False),
        ({"type": "integer", "minimum": 3, "maximum": 3}, 3, False),
        ({"type": "array", "maxItems": 0}, [], False),
        ({"$ref": "#/$defs/one"}, "M", False),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 2}, [1, 1], True),
    ],
)
def test_an_argument_without_another_value_is_named_unless_its_schema_says_so(schema, value, named):
    found, without = changed_within(schema, value)
    assert not values(found, "a")
    assert without == (["a"] if named else [])


def test_what_is_known_is_preferred_to_what_the_schema_suggests():
    assert values(change({"n": 3}, n={"type": "integer", "minimum": 3, "maximum": 4}), "n") == [4]
    assert values(change({"zip": "83702"}, [("83702", "03101")], zip={"maxLength": 5}), "zip") == ["03101"]


@given(VALUES)
@settings(deadline=None)
def test_a_schema_that_refers_to_itself_ends(value):
    loop = {"anyOf": [{"$ref": "#/properties/a"}, {"const": "never"}], "items": {"$ref": "#/properties/a"}}
    assert isinstance(change({"a": value}, a=loop), list)
