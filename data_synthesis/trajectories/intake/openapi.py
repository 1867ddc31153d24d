"""OpenAPI 3 documents: a document is a server, an operation is a tool.

The tools are emulated: what the service answers is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data_synthesis.interop.json_values import Numbered
from data_synthesis.pipeline import Rejected
from data_synthesis.trajectories.intake.openapi_schemas import Expansion, as_object
from data_synthesis.trajectories.intake.places import place, provenance_of
from data_synthesis.trajectories.intake.raw import RawServer, Unusable, kind_of, object_field, text_field
from data_synthesis.trajectories.intake.references import pointed

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_CREDENTIALS = frozenset(
    {"accept", "content-type", "authorization"}
)  # the standard says: ignore these headers
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def openapi_server(each: Numbered) -> RawServer:
    """The operations of a document.

    Raises:
        Rejected: `unknown_format`: it is of another version; `bad_server`: a field is missing or of another type.
    """
    document = each.value
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        said = version or document.get("swagger")
        raise Rejected("unknown_format", f"is OpenAPI {said!r}, and only 3 is read: convert it first")
    info = object_field(document.get("info"), "info")
    return RawServer(
        title=text_field(info.get("title"), "info.title") or each.path.stem,
        description=text_field(info.get("description"), "info.description"),
        tools=list(_tools(document)),
        where=place(each),
        provenance=provenance_of(each),
    )


def _tools(document: dict[str, Any]) -> Iterator[dict[str, Any] | Unusable]:
    paths = document.get("paths")
    for path, item in object_field({} if paths is None else paths, "paths").items():
        try:
            item = _found(item, document, "the path")
        except Rejected as no:
            yield Unusable(path, no.reason, no.detail)
            continue
        for method in _METHODS:
            if method in item:
                yield _tool_or_why(document, path, item, method)


def _tool_or_why(document: dict, path: str, item: dict, method: str) -> dict[str, Any] | Unusable:
    try:
        return _tool(document, path, item, method)
    except Rejected as no:
        return Unusable(f"{method} {path}", no.reason, no.detail)


def _tool(document: dict, path: str, item: dict, method: str) -> dict[str, Any]:
    operation = _object(item[method], "the operation")
    texts = [operation.get(name) for name in ("summary", "description")]
    expand = Expansion(document)
    return {
        "name": operation.get("operationId") or f"{method} {path}",
        "description": _description(texts),
        "parameters": _parameters(document, item, operation, expand),
        "output_schema": _output(document, operation, expand),
    }


def _description(texts: list[Any]) -> str:
    said = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    return "\n\n".join(dict.fromkeys(said))


def _parameters(document: dict, item: dict, operation: dict, expand: Expansion) -> dict[str, Any]:
    """Parameters and the fields of the body as one object. The second of two of one name takes `name_query` or such."""
    properties: dict[str, Any] = {}
    required: list[str] = []

    def add(name: str, schema: Any, needed: bool, where: str) -> None:
        free = name if name not in properties else f"{name}_{where}"
        properties[free] = schema
        required.extend([free] if needed else [])

    for (where, name), parameter in _all_parameters(document, item, operation).items():
        add(name, _parameter_schema(parameter, expand), parameter.get("required") is True, where)
    for name, schema, needed in _body(document, operation, expand):
        add(name, schema, needed, "body")
    return {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}


def _all_parameters(document: dict, item: dict, operation: dict) -> dict[tuple[str, str], dict[str, Any]]:
    """By place and name: an operation's own parameters stand before those of its path."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for owner in (item, operation):
        listed = owner.get("parameters") or []
        if not isinstance(listed, list):
            raise Rejected("bad_tool", f"field `parameters` is {kind_of(listed)}, not a list")
        for each in listed:
            parameter = _found(each, document, "a parameter")
            where, name = parameter.get("in"), parameter.get("name")
            if not isinstance(where, str) or not isinstance(name, str):
                raise Rejected("bad_tool", "a parameter has no name, or does not say where it goes")
            if where != "header" or name.lower() not in _CREDENTIALS:
                found[where, name] = parameter
    return found


def _parameter_schema(parameter: dict[str, Any], expand: Expansion) -> Any:
    schema = parameter.get("schema")
    if schema is None:
        content = parameter.get("content")
        schema = _schema_of(content)[0] if isinstance(content, dict) and content else {}
    schema = expand(schema)
    said = parameter.get("description")
    if isinstance(schema, dict) and isinstance(said, str) and said.strip():
        return {**schema, "description": said.strip()}
    return schema


def _body(document: dict, operation: dict, expand: Expansion) -> Iterator[tuple[str, Any, bool]]:
    """Name, schema and need of each field of the body; of the body as a whole where it is no object."""
    if operation.get("requestBody") is None:
        return
    body = _found(operation["requestBody"], document, "the body")
    schema, is_text = _schema_of(body.get("content"))
    schema = {"type": "string"} if is_text else expand(schema)
    needed = body.get("required") is True
    fields = as_object(schema)
    if fields is None:
        said = body.get("description")
        known = isinstance(schema, dict) and "description" not in schema and isinstance(said, str)
        yield "body", {**schema, "description": said} if known else schema, needed
        return
    for name, each in fields["properties"].items():
        yield name, each, needed and name in fields["required"]


def _schema_of(content: Any) -> tuple[Any, bool]:
    """The schema of the JSON form of some content, or else of a web form; and whether it has neither, and is a text."""
    content = _object(content if content is not None else {}, "field `content`")
    media = next((name for name in content if _is_json(name)), None)
    media = media or next((form for form in _FORMS if form in content), None)
    if media is None:
        return None, True
    return _object(content[media], f"field `content.{media}`").get("schema", {}), False


def _is_json(media: str) -> bool:
    plain = media.partition(";")[0].strip().lower()
    return plain in ("application/json", "*/*") or plain.endswith("+json")


def _output(document: dict, operation: dict, expand: Expansion) -> Any:
    """The schema of the first response that means success; none where it is no JSON."""
    responses: Any = operation.get("responses")
    good = [code for code in responses if code.startswith("2")] if isinstance(responses, dict) else []
    if not good:
        return None
    try:
        response = _found(responses[min(good)], document, "the response")
        schema, is_text = _schema_of(response.get("content"))
    except Rejected:  # a tool can be used without one
        return None
    return None if is_text else expand(schema)


def _found(value: Any, document: dict, what: str) -> dict[str, Any]:
    """The object itself, or the one that it refers to."""
    for _ in range(_STEPS):
        value = _object(value, what)
        if not isinstance(reference := value.get("$ref"), str):
            return value
        try:
            value = pointed(document, reference)
        except LookupError:
            raise Rejected("bad_tool", f"{what} refers to {reference[:100]!r}, where nothing is") from None
    raise Rejected("bad_tool", f"{what} refers to itself")


_STEPS = 8


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Rejected("bad_tool", f"{what} is {kind_of(value)}, not an object")
    return value
