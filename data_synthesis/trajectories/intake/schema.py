"""A tool's schemas: checked as JSON Schema, brought to one shape, their texts bounded.

No reference is ever fetched: a schema that needs a document from elsewhere is refused, because whoever validates with
it later might ask an address that a stranger wrote.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

from data_synthesis.pipeline import PipelineError, Rejected
from data_synthesis.trajectories.intake.plain import cut, json_problem
from data_synthesis.trajectories.intake.raw import kind_of
from data_synthesis.trajectories.intake.references import is_data, is_map, pointed, references
from data_synthesis.trajectories.intake.settings import IntakeSettings

_TEXTS = ("description", "title")
_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}, "required": []}


def checked_parameters(schema: Any, settings: IntakeSettings) -> dict[str, Any]:
    """The schema of a tool's arguments, of type object; an empty one is that of a tool without any.

    `type`, `properties` and `required` are added where they are missing, as upstream's MCP client needs them.

    Raises:
        Rejected: `no_schema`, `bad_schema`, `remote_reference`, `schema_too_large`.
    """
    if schema is None:
        raise Rejected("no_schema", "says nothing of its arguments")
    checked = checked_schema(schema, settings)
    kind = checked.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise Rejected("bad_schema", f"describes arguments of type {kind}, which are always an object")
    return {**_NO_ARGUMENTS, **checked, "type": "object"}


def checked_schema(schema: Any, settings: IntakeSettings) -> dict[str, Any]:
    """The schema with its titles and descriptions cut to the bound.

    Raises:
        Rejected: `bad_schema`, `remote_reference`, `schema_too_large`.
    """
    if not isinstance(schema, dict):
        raise Rejected("bad_schema", f"is {kind_of(schema)}, not an object")
    if problem := json_problem(schema):
        raise Rejected("bad_schema", problem)
    _check_references(schema)
    short = _with_short_texts(schema, settings.max_schema_text)
    text = json.dumps(short, ensure_ascii=False)
    if len(text) > settings.max_schema:
        raise Rejected("schema_too_large", f"has {len(text)} characters, more than {settings.max_schema}")
    if problem := _schema_problem(text):
        raise Rejected("bad_schema", problem)
    return short


def _check_references(schema: dict[str, Any]) -> None:
    for reference in references(schema):
        if not reference.startswith("#"):
            raise Rejected("remote_reference", f"refers to {cut(reference, 100)!r}, which is not part of it")
        try:
            pointed(schema, reference)
        except LookupError:
            detail = f"refers to {cut(reference, 100)!r}, where nothing is"
            raise Rejected("bad_schema", detail) from None


def _with_short_texts(value: Any, longest: int, in_map: bool = False) -> Any:
    if isinstance(value, list):
        return [_with_short_texts(each, longest) for each in value]
    if not isinstance(value, dict):
        return value
    short = {}
    for name, each in value.items():
        if name in _TEXTS and not in_map and isinstance(each, str):
            short[name] = cut(each, longest)
        elif is_data(name, in_map):
            short[name] = each
        else:
            short[name] = _with_short_texts(each, longest, is_map(name, in_map))
    return short


@lru_cache(maxsize=4096)  # half of real schemas occur twice, and a check takes a millisecond
def _schema_problem(text: str) -> str:
    """A schema is of the dialect that it names; else of 2020-12, or of draft 7, whose tuples 2020-12 lacks."""
    schema = json.loads(text)
    dialects = _dialects()
    named = str(schema.get("$schema", "")).rstrip("#")
    try:
        problems = [_first(dialects[name], schema) for name in ([named] if named in dialects else _USUAL)]
    except (RecursionError, OverflowError) as error:  # from a regular expression, which is compiled
        return f"cannot be checked ({error})"
    return "" if "" in problems else problems[0]


_USUAL = ("https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema")


@cache
def _dialects() -> dict[str, Any]:
    try:
        from jsonschema import validators
    except ImportError as error:
        raise PipelineError("JSON schemas need jsonschema: pip install 'astra-jax[synthesis]'") from error
    known = {
        "http://json-schema.org/draft-04/schema": validators.Draft4Validator,
        "http://json-schema.org/draft-06/schema": validators.Draft6Validator,
        "http://json-schema.org/draft-07/schema": validators.Draft7Validator,
        "https://json-schema.org/draft/2019-09/schema": validators.Draft201909Validator,
        "https://json-schema.org/draft/2020-12/schema": validators.Draft202012Validator,
    }
    return {name: each(each.META_SCHEMA, format_checker=each.FORMAT_CHECKER) for name, each in known.items()}


def _first(dialect: Any, schema: Any) -> str:
    error = next(dialect.iter_errors(schema), None)
    if error is None:
        return ""
    where = ".".join(str(step) for step in error.absolute_path) or "the schema"
    return f"`{cut(where, 200)}`: {cut(error.message, 200)}"
