"""An OpenAPI document becomes a server whose tools are its operations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from raw_documents import reasons

from data_synthesis.records import ServerTool, ToolServer
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, read_servers

PETS = """
openapi: 3.0.3
info: {title: Pet shop, description: Pets for sale., version: 2024-01-01}
paths:
  /pets/{id}:
    parameters:
      - {name: id, in: path, required: true, description: the pet's number, schema: {type: integer}}
    get:
      operationId: getPet
      summary: Reads everything known about a pet
      parameters:
        - $ref: '#/components/parameters/Fields'
        - {name: Authorization, in: header, schema: {type: string}}
      responses:
        404: {description: none}
        200: {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
    put:
      summary: Replaces what is known about a pet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
      responses: {204: {description: done}}
  /pets:
    post:
      operationId: addPets
      description: Adds several pets in one go
      requestBody:
        description: The new pets
        content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}
components:
  parameters:
    Fields: {name: fields, in: query, schema: {type: array, items: {type: string}}}
  schemas:
    Pet:
      allOf:
        - $ref: '#/components/schemas/Named'
        - type: object
          required: [age]
          properties:
            id: {type: string}
            age: {type: number, minimum: 0, exclusiveMinimum: true, nullable: true}
            mother: {$ref: '#/components/schemas/Pet'}
    Named: {type: object, required: [name], properties: {name: {type: string}}}
"""


def read(folder: Path, text: str, suffix: str = ".yaml") -> tuple[ToolServer | None, IntakeReport]:
    path = folder / f"spec{suffix}"
    path.write_text(text)
    report = IntakeReport()
    servers = list(read_servers(path, settings=IntakeSettings(min_tools=1), report=report))
    return (servers[0] if servers else None), report


@pytest.fixture
def pets(tmp_path: Path) -> ToolServer:
    server, report = read(tmp_path, PETS)
    assert server is not None
    assert not report.drops
    return server


def test_operations_are_tools_under_their_own_names(pets: ToolServer) -> None:
    assert (pets.title, pets.description, pets.reach.kind) == ("Pet shop", "Pets for sale.", "emulated")
    assert [(tool.name, tool.called) for tool in pets.tools] == [
        ("getPet", "getPet"),
        ("put_pets_id", "put /pets/{id}"),
        ("addPets", "addPets"),
    ]


def test_parameters_of_path_and_operation_are_one_object(pets: ToolServer) -> None:
    assert pets.tools[0].parameters == {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "description": "the pet's number"},
            "fields": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["id"],
    }


def test_the_fields_of_a_body_join_them(pets: ToolServer) -> None:
    parameters = pets.tools[1].parameters
    assert list(parameters["properties"]) == ["id", "name", "id_body", "age", "mother"]  # type: ignore[arg-type]
    assert parameters["required"] == ["id", "name", "age"]


def test_a_body_that_is_no_object_is_one_parameter(pets: ToolServer) -> None:
    body: Any = pets.tools[2].parameters["properties"]["body"]  # type: ignore[index,call-overload]
    assert (body["type"], body["description"]) == ("array", "The new pets")
    assert pets.tools[2].parameters["required"] == []


def test_the_answer_of_a_success_is_the_output_schema(pets: ToolServer) -> None:
    assert [tool.output_schema is not None for tool in pets.tools] == [True, False, False]


def test_keywords_of_openapi_are_those_of_json_schema(pets: ToolServer) -> None:
    properties: Any = pets.tools[1].parameters["properties"]
    assert properties["age"] == {"type": ["number", "null"], "exclusiveMinimum": 0}


def test_a_schema_that_contains_itself_is_cut(pets: ToolServer) -> None:
    assert "$ref" not in pets.model_dump_json()
    accepts = Draft202012Validator(pets.tools[1].parameters).is_valid
    assert accepts(
        {"id": 1, "name": "Rex", "age": 3, "mother": {"name": "Ada", "age": 9, "mother": "anything"}}
    )
    assert not accepts({"id": 1, "name": "Rex"})


def test_json_is_read_like_yaml(tmp_path: Path, pets: ToolServer) -> None:
    yaml = pytest.importorskip("yaml")
    text = json.dumps(yaml.safe_load(PETS), default=str)
    server, _ = read(tmp_path, text, ".json")
    assert server is not None
    assert server.id == pets.id


def spec(operation: Any, **fields: Any) -> str:
    document = {"openapi": "3.1.0", "info": {"title": "Shop"}, "paths": {"/a": {"get": operation}}} | fields
    return json.dumps(document)


GOOD = {"operationId": "findOrder", "description": "Finds the orders of a customer"}


def only(folder: Path, operation: Any, **fields: Any) -> ServerTool:
    server, report = read(folder, spec(operation, **fields), ".json")
    assert server is not None, report.drops
    return server.tools[0]


def test_references_that_double_at_every_step_stay_small(tmp_path: Path) -> None:
    schemas = {
        f"L{n}": {"properties": {f"p{i}": {"$ref": f"#/components/schemas/L{n + 1}"} for i in range(20)}}
        for n in range(30)
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}}
    server, report = read(
        tmp_path, spec(GOOD | {"requestBody": body}, components={"schemas": schemas}), ".json"
    )
    assert server is None
    assert reasons(report) == ["schema_too_large", "too_few_tools"]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("text", "bad_tool"),
        (GOOD | {"operationId": 5}, "bad_name"),
        (GOOD | {"parameters": "text"}, "bad_tool"),
        (GOOD | {"parameters": [{"name": "a"}]}, "bad_tool"),
        (GOOD | {"parameters": [{"$ref": "#/nowhere"}]}, "bad_tool"),
        (GOOD | {"parameters": [{"$ref": "#/paths/~1a/get/parameters/0"}]}, "bad_tool"),
        (
            GOOD | {"parameters": [{"name": "a", "in": "query", "schema": {"$ref": "#/nowhere"}}]},
            "bad_schema",
        ),
        (
            GOOD | {"parameters": [{"name": "a", "in": "query", "schema": {"$ref": "other.yaml"}}]},
            "remote_reference",
        ),
        (GOOD | {"requestBody": []}, "bad_tool"),
        (GOOD | {"requestBody": {"content": 5}}, "bad_tool"),
        ({"operationId": "findOrder"}, "no_description"),
    ],
)
def test_a_bad_operation_is_a_drop_and_the_others_stay(tmp_path: Path, operation: Any, reason: str) -> None:
    document = json.loads(spec(operation))
    document["paths"]["/b"] = {"get": {"description": "Counts the orders of a customer"}}
    server, report = read(tmp_path, json.dumps(document), ".json")
    assert server is not None
    assert [tool.name for tool in server.tools] == ["get_b"]
    assert reasons(report) == [reason]


@pytest.mark.parametrize(
    ("content", "properties"),
    [
        ({"application/merge-patch+json; charset=utf-8": {"schema": {"properties": {"a": {}}}}}, {"a": {}}),
        ({"multipart/form-data": {"schema": {"properties": {"a": {}}}}}, {"a": {}}),
        ({"application/octet-stream": {}}, {"body": {"type": "string"}}),
        ({"application/json": {"schema": {"oneOf": [{}, {}]}}}, {"body": {"oneOf": [{}, {}]}}),
    ],
)
def test_bodies_of_other_kinds(tmp_path: Path, content: Any, properties: Any) -> None:
    assert only(tmp_path, GOOD | {"requestBody": {"content": content}}).parameters["properties"] == properties


def test_other_versions_are_refused_in_words(tmp_path: Path) -> None:
    server, report = read(
        tmp_path, json.dumps({"swagger": "2.0", "info": {"title": "Old"}, "paths": {}}), ".json"
    )
    assert server is None
    assert reasons(report) == ["unknown_format"]
    assert "2.0" in report.drops[0].detail


@pytest.mark.parametrize("fields", [{"paths": 5}, {"info": None}, {"info": {"title": 5}}, {"openapi": 3}])
def test_a_bad_document_is_a_drop(tmp_path: Path, fields: Any) -> None:
    server, report = read(tmp_path, spec(GOOD, **fields), ".json")
    assert server is None
    assert len(report.drops) == 1


def test_yaml_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    server, report = read(tmp_path, "openapi: 3.0.0\ninfo: [unclosed\n")
    assert server is None
    assert reasons(report) == ["unreadable_record"]
    assert report.drops[0].where.endswith("spec.yaml:3")
