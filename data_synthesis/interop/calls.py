"""Upstream writes a gold call as Python text, which it executes. Here the text is read, and nothing in it is evaluated.

What is read is one call of a plain name with literal arguments, perhaps inside `print(...)`. Everything else that
Python would run is refused.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

_SHOWN_CHARS = 80


class BadCall(ValueError):
    """A statement that is no call of a plain name with literal arguments; the message says what it is instead."""


def parse_call(statement: str, parameters: Sequence[str] = ()) -> tuple[str, dict[str, JsonValue]]:
    """The name and the arguments of a call such as `find(city="Osk", day=3)` or `print(find("Osk", 3))`.

    Tuples become lists, as in JSON.

    Args:
        parameters: names of the positional parameters, in order.

    Raises:
        BadCall: anything else, such as an expression, a variable, a nested call, an f-string, or a second statement.
    """
    try:
        return _parsed(_without_print(_only_call(statement)), parameters)
    except (RecursionError, MemoryError) as error:
        raise BadCall("the call is nested too deeply") from error


def positional_parameters(source: str, name: str) -> list[str] | None:
    """The names of the positional parameters of the function `name` in `source`; None where it cannot be found."""
    try:
        module = _tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return [each.arg for each in [*node.args.posonlyargs, *node.args.args]]
    return None


def _only_call(statement: str) -> ast.Call:
    try:
        body = _tree(statement.strip()).body
    except (SyntaxError, ValueError) as error:
        raise BadCall(f"`{_cut(statement)}` is not Python ({error})") from error
    if len(body) != 1:
        raise BadCall(f"`{_cut(statement)}` holds {len(body)} statements, not one")
    if not isinstance(body[0], ast.Expr) or not isinstance(body[0].value, ast.Call):
        raise BadCall(f"`{_cut(statement)}` is no call")
    return body[0].value


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes such as "\d", which mean what they say
        return ast.parse(text)


def _without_print(call: ast.Call) -> ast.Call:
    printed = isinstance(call.func, ast.Name) and call.func.id == "print"
    if printed and len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Call):
        return call.args[0]
    return call


def _parsed(call: ast.Call, parameters: Sequence[str]) -> tuple[str, dict[str, JsonValue]]:
    if not isinstance(call.func, ast.Name):
        raise BadCall(f"the call is of `{_shown(call.func)}`, which is no plain name")
    if len(call.args) > len(parameters):
        places = f"{len(call.args)} arguments by place, and {len(parameters)} parameters are known"
        raise BadCall(f"the call gives {places}")
    arguments = {name: _literal(node, name) for name, node in zip(parameters, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise BadCall(f"the call unpacks `**{_shown(keyword.value)}`")
        if keyword.arg in arguments:
            raise BadCall(f"the call gives `{keyword.arg}` twice")
        arguments[keyword.arg] = _literal(keyword.value, keyword.arg)
    return call.func.id, arguments


def _literal(node: ast.expr, name: str) -> JsonValue:
    try:
        return _as_json(ast.literal_eval(node))
    except (ValueError, TypeError) as error:
        raise BadCall(f"the value of `{name}` is `{_shown(node)}`, which is no JSON literal") from error


def _as_json(value: Any) -> JsonValue:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(element) for element in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_json(inner) for key, inner in value.items()}
    raise ValueError("not JSON")


def _shown(node: ast.expr) -> str:
    return _cut(ast.unparse(node))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
