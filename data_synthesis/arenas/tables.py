"""The data that a tool's source carries, whatever its style: mappings, records, instances, columns, text, JSON.

Found so that a proof can change an argument to another valid one, and see whether an output is a whole table.
"""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator

Scalar = str | int | float
Role = tuple

_ROWS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Call)
_DELIMITERS = "|\t;,"


def columns(module: ast.Module, nodes: Iterable[ast.AST]) -> list[tuple[Scalar, ...]]:
    """The values that stand in one role of the data, in order, for each role that has at least two values.

    A role is: the keys of a mapping (or one place in its tuple keys), one field of its records, one place in its
    tuples or instances, the elements of a list, one column of a delimited text, the constants that one name is
    compared with. Another value of an argument's column is very likely a valid argument too.

    Args:
        nodes: all nodes of the module.
    """
    found: dict[Role, list[Scalar]] = defaultdict(list)
    for number, root in enumerate(_roots(module)):
        _collect(root, (number,), found)
    for node in nodes:
        for role, value in _compared(node):
            found[role].append(value)
    return [tuple(values) for values in found.values() if len(set(values)) > 1]


def tables(module: ast.Module) -> list[list[tuple[Scalar, ...]]]:
    """The rows of each collection of data with at least three rows of one shape, a row being all its scalars.

    What stands in a `return` is a result, not data.
    """
    found = [_rows(root) for root in _roots(module, skip=ast.Return)]
    return [rows for rows in found if len(rows) >= 3 and len({tuple(map(_shape, row)) for row in rows}) == 1]


def _roots(module: ast.Module, skip: type[ast.AST] | None = None) -> Iterator[ast.expr]:
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set):
            yield node
        elif (data := _parsed_text(node)) is not None:
            yield data
        elif skip is None or not isinstance(node, skip):
            waiting.extend(ast.iter_child_nodes(node))


def _parsed_text(node: ast.AST) -> ast.expr | None:
    """The data inside a text constant, as the expression that would make it: JSON, lines with delimiters,
    or words that are split or that something is looked for among."""
    if (words := _split_text(node)) is not None:
        return ast.parse(repr(words), mode="eval").body
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return None
    text = node.value.strip()
    if text[:1] in ("[", "{"):
        try:
            return ast.parse(repr(json.loads(text)), mode="eval").body
        except (ValueError, RecursionError):
            return None
    lines = [line for line in text.splitlines() if line.strip()]
    for delimiter in _DELIMITERS:
        widths = {line.count(delimiter) for line in lines}
        if len(lines) > 1 and len(widths) == 1 and widths != {0}:
            cells = [tuple(cell.strip() for cell in line.split(delimiter)) for line in lines]
            return ast.parse(repr(cells), mode="eval").body
    return None


def _split_text(node: ast.AST) -> list[str] | None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="split"), args=args):
            delimiter = scalar(args[0]) if args else None
            return [each.strip() for each in text.split(str(delimiter) if delimiter else None)]
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Constant(value=str() as text)]):
            return text.replace(",", " ").split()
    return None


def _collect(node: ast.expr, role: Role, found: dict[Role, list[Scalar]]) -> None:
    """Adds the scalars of `node` to `found` by role. Inside a collection, a sequence or an instance is a row."""
    inside = len(role) > 1
    if isinstance(node, ast.Dict):
        of_rows = all(isinstance(value, _ROWS) for value in node.values)
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                _collect(key, (*role, "key"), found)
                _collect(value, (*role, "value" if of_rows else ("field", ast.unparse(key))), found)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for place, element in enumerate(node.elts):
            _collect(element, (*role, place if inside else "element"), found)
    elif isinstance(node, ast.Call) and inside:
        for place, argument in enumerate(node.args):
            _collect(argument, (*role, place), found)
        for keyword in node.keywords:
            _collect(keyword.value, (*role, keyword.arg), found)
    elif (value := scalar(node)) is not None:
        found[role].append(value)


def _compared(node: ast.AST) -> Iterator[tuple[Role, Scalar]]:
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name | ast.Subscript):
        for side in node.comparators:
            if (value := scalar(side)) is not None:
                yield ("compared", ast.unparse(node.left)), value
    elif (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith"
    ):
        for value in filter(None, map(scalar, node.args)):
            yield ("compared", ast.unparse(node.func)), value
    elif isinstance(node, ast.Match):
        for case in node.cases:
            if isinstance(case.pattern, ast.MatchValue) and (value := scalar(case.pattern.value)) is not None:
                yield ("matched", node.lineno), value


def scalar(node: ast.AST) -> Scalar | None:
    """The text or number that an expression spells out, if it does."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = scalar(node.operand)
        return None if value is None or isinstance(value, str) else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
        return None if isinstance(node.value, bool) else node.value
    return None


def _rows(root: ast.expr) -> list[tuple[Scalar, ...]]:
    if isinstance(root, ast.Dict):
        parts = [[key, value] for key, value in zip(root.keys, root.values, strict=True) if key is not None]
    else:
        parts = [[element] for element in getattr(root, "elts", [])]
    rows = [tuple(scalar for part in row for scalar in _scalars(part)) for row in parts]
    return [row for row in rows if row]


def _shape(value: Scalar) -> type:
    return str if isinstance(value, str) else float


def _scalars(node: ast.expr) -> Iterator[Scalar]:
    return (value for each in ast.walk(node) if (value := scalar(each)) is not None)
