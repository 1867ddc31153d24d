"""Changed arguments are other ones, allowed by the document, and as valid as the source lets us know."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.changes import MADE_UP, Change, changes
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
