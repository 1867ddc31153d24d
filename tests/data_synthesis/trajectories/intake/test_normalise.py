"""A document becomes a tool that can be called, or is dropped with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_documents import document, reasons, taken

from data_synthesis.records import ServerTool
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, RawServer, take_in
from data_synthesis.trajectories.intake.names import callable_name, is_callable_name

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "$ref", "required", "pattern", "enum", "name"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def only(tool: Any) -> ServerTool:
    server, report = taken(tool)
    assert server is not None
    assert not report.drops
    return server.tools[0]


@pytest.mark.parametrize("field", ["parameters", "inputSchema", "input_schema"])
def test_every_spelling_of_the_parameters_is_read(field: str) -> None:
    whole = document()
    schema = whole.pop("parameters")
    assert only(whole | {field: schema}).parameters == schema


@pytest.mark.parametrize("field", ["outputSchema", "output_schema"])
def test_the_output_schema_is_kept(field: str) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    assert only(document(**{field: schema})).output_schema == schema


def test_a_bad_output_schema_is_left_out_and_counted() -> None:
    server, report = taken(document(outputSchema={"type": "nonsense"}))
    assert server is not None
    assert server.tools[0].output_schema is None
    assert report.changes["output_schema_left_out"] == 1


def test_an_empty_schema_is_a_tool_without_arguments() -> None:
    assert only(document(parameters={})).parameters == {"type": "object", "properties": {}, "required": []}


BAD = [
    (None, "no_schema"),
    ("text", "bad_schema"),
    ([], "bad_schema"),
    ({"type": "string"}, "bad_schema"),
    ({"type": "any"}, "bad_schema"),
    ({"properties": []}, "bad_schema"),
    ({"properties": {"a": "text"}}, "bad_schema"),
    ({"required": True}, "bad_schema"),
    ({"properties": {"a": {"pattern": "("}}}, "bad_schema"),
    ({"properties": {"a": {"pattern": "a{99999999999999}"}}}, "bad_schema"),
    ({"properties": {"a": {"$ref": "#/$defs/Gone"}}}, "bad_schema"),
    ({"properties": {"a": {"$ref": "http://example.com/a.json"}}}, "remote_reference"),
    ({"properties": {"a": {"maximum": float("nan")}}}, "bad_schema"),
    ({"properties": {"a": {"const": "\ud800"}}}, "bad_schema"),
    ({"properties": {"a": {"const": 10**5000}}}, "bad_schema"),
    ({1: 2}, "bad_schema"),
    ({"properties": {"a": {"enum": ["x" * 100_000]}}}, "schema_too_large"),
]


@pytest.mark.parametrize(("schema", "reason"), BAD)
def test_a_schema_that_does_not_check_is_a_drop(schema: Any, reason: str) -> None:
    server, report = taken(document(parameters=schema))
    assert server is not None
    assert not server.tools
    assert reasons(report) == [reason]
    assert report.drops[0].tool == "find_order"


def test_a_schema_that_is_nested_for_ever_is_a_drop() -> None:
    endless: dict[str, Any] = {}
    endless["properties"] = {"a": endless}
    assert reasons(taken(document(parameters=endless))[1]) == ["bad_schema"]


def test_a_schema_is_of_the_dialect_that_it_names() -> None:
    tuples = {"type": "object", "properties": {"a": {"type": "array", "items": [{"type": "number"}]}}}
    latest = tuples | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert only(document(parameters=tuples)).parameters["properties"] == tuples["properties"]
    assert reasons(taken(document(parameters=latest))[1]) == ["bad_schema"]


def test_a_property_may_be_called_like_a_keyword() -> None:
    names = ["$ref", "description", "default", "enum", "properties", "title"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    assert only(document(parameters=schema)).parameters == schema


def test_long_texts_are_cut_and_values_are_not() -> None:
    settings = IntakeSettings(min_tools=0, max_description=50, max_schema_text=20)
    field = {"type": "string", "description": "d" * 30, "default": "v" * 30}
    schema = {"type": "object", "properties": {"a": field}, "required": []}
    server, report = taken(document(description="word " * 30, parameters=schema), settings=settings)
    assert server is not None
    tool = server.tools[0]
    assert len(tool.description) <= 50
    assert tool.description.endswith("…")
    assert tool.parameters["properties"] == {"a": field | {"description": "d" * 19 + "…"}}
    assert report.changes["text_cut"] == 1


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("find_order", "find_order"),
        ("find-order", "find-order"),
        ("alpaca.getWatchlists", "alpaca_getWatchlists"),
        ("Hello Tool", "Hello_Tool"),
        ("!query", "query"),
        ("36-hotspots", "_36-hotspots"),
        ("café/crème", "cafe_creme"),
        ("x" * 80, "x" * 64),
    ],
)
def test_names_are_made_callable(raw: str, name: str) -> None:
    tool = only(document(raw))
    assert (tool.name, tool.called) == (name, raw)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_every_name_with_something_in_it_can_be_called(raw: str) -> None:
    if raw.strip():
        assert is_callable_name(callable_name(raw))


def test_names_without_latin_letters_stay_apart() -> None:
    weather, orders = callable_name("查询天气"), callable_name("查询订单")
    assert weather != orders
    assert is_callable_name(weather)


@pytest.mark.parametrize("name", [None, "", "  ", 7, ["a"], "x" * 1000, "\ud800"])
def test_what_is_no_name_is_a_drop(name: Any) -> None:
    assert reasons(taken(document(name))[1]) == ["bad_name"]  # type: ignore[arg-type]


def test_equal_tools_are_one_and_different_ones_get_numbers() -> None:
    other = document(description="Counts the orders of one customer")
    own = document("find_order_2", "Prints the order as a letter")
    server, report = taken(document(), document(), other, own)
    assert server is not None
    assert [(tool.name, tool.called) for tool in server.tools] == [
        ("find_order", "find_order"),
        ("find_order_3", "find_order"),
        ("find_order_2", "find_order_2"),
    ]
    assert reasons(report) == ["duplicate_tool"]


def test_names_that_become_equal_are_told_apart() -> None:
    server, report = taken(document("a.b"), document("a b"))
    assert server is not None
    assert [(tool.name, tool.called) for tool in server.tools] == [("a_b", "a.b"), ("a_b_2", "a b")]
    assert report.changes["renamed"] == 2


def test_a_document_cannot_bring_code_or_a_name_to_send() -> None:
    tool = only(document(source="import os", wire_name="other", id="x"))
    assert (tool.source, tool.called) == ("", "find_order")


def test_code_whose_function_would_be_renamed_is_a_drop() -> None:
    code = ServerTool.model_validate(document("größe", source="def größe(): ..."))
    assert reasons(taken(code)[1]) == ["bad_name"]


@pytest.mark.parametrize(
    ("name", "description", "reason"),
    [
        ("get_user", None, "no_description"),
        ("get_user", "  ", "no_description"),
        ("get_user", "User", "vague_description"),
        ("get_user", "Gets the users.", "vague_description"),
        ("getUser", "get user tool", "vague_description"),
        ("confirmCharacter", "Confirmcharacter tool description", "vague_description"),
        ("get_user", "Description not available", "vague_description"),
        ("get_user", "测试", "vague_description"),
        ("查询用户信息", "查询用户信息", "vague_description"),
        ("get_user", 5, "bad_tool"),
        ("get_user", "\ud800", "bad_tool"),
    ],
)
def test_a_description_says_what_the_name_does_not(name: str, description: Any, reason: str) -> None:
    assert reasons(taken(document(name, description))[1]) == [reason]


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("add", "Add two numbers together"),
        ("get_user", "Gets a user's address"),
        ("show_tables", "显示数据库中的所有表"),
    ],
)
def test_a_short_description_may_be_enough(name: str, description: str) -> None:
    assert only(document(name, description)).description == description


@given(
    st.lists(
        ANYTHING | st.fixed_dictionaries({"name": ANYTHING, "description": ANYTHING, "parameters": ANYTHING})
    )
)
def test_every_tool_comes_out_or_is_dropped(tools: list[Any]) -> None:
    report = IntakeReport()
    servers = list(take_in([RawServer(title="Shop", tools=tools)], IntakeSettings(min_tools=0), report))
    assert len(servers) == 1
    assert len(servers[0].tools) + len(report.drops) == len(tools)
    assert servers[0].model_dump_json()
    names = [tool.name for tool in servers[0].tools]
    assert len(set(names)) == len(names)
    assert all(map(is_callable_name, names))
