"""Which share of a tool's source its gold calls execute.

Counted are the statements of its functions, helpers and methods, by their lines. Excused, where they are not executed,
are those that a tool is asked to have and those that no gold call can reach together:

* blocks that end in `raise` or return a refusal: the checks of arguments;
* branches that are rows of data, spelled as code: `if x == "a": return 1` and `case "a": return 1`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_synthesis.arenas.refusal import is_refusal

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_SILENT = (ast.Pass, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)  # not where an output is computed


@dataclass(frozen=True)
class Statement:
    """The lines of a statement, of a compound one those of its head, and whether it may be left out."""

    first: int
    last: int
    excused: bool


def share(statements: Sequence[Statement], executed: Collection[int]) -> float:
    """The share of the counted statements of which a line is in `executed`; 1 where there is none."""
    seen = missing = 0
    for statement in statements:
        if any(line in executed for line in range(statement.first, statement.last + 1)):
            seen += 1
        else:
            missing += not statement.excused
    return seen / (seen + missing) if seen + missing else 1.0


def statements(nodes: Iterable[ast.AST]) -> Iterator[Statement]:
    """The statements of all functions among the nodes of a module."""
    for node in nodes:
        if isinstance(node, _FUNCTION):
            yield from _of_block(node.body, False)


def _of_block(block: Sequence[ast.stmt], excused: bool) -> Iterator[Statement]:
    excused = excused or _refuses(block[-1])
    for node in block:
        if isinstance(node, (*_FUNCTION, ast.ClassDef)):  # its functions are found by themselves
            continue
        if not _is_silent(node):
            yield Statement(node.lineno, _end_of_head(node), excused or _is_row(node))
        for inner, of_data in _blocks(node):
            yield from _of_block(inner, excused or of_data)


def _is_silent(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    annotation = isinstance(node, ast.AnnAssign) and node.value is None
    return constant or annotation or isinstance(node, _SILENT)


def _end_of_head(node: ast.stmt) -> int:
    inner = [node.cases[0].pattern.lineno] if isinstance(node, ast.Match) else []
    inner += [block[0].lineno for block, _ in _blocks(node)]
    return max(node.lineno, min(inner) - 1) if inner else node.end_lineno or node.lineno


def _blocks(node: ast.stmt) -> Iterator[tuple[list[ast.stmt], bool]]:
    """The blocks inside a statement, and whether each is a row of data."""
    if isinstance(node, ast.Match):
        for case in node.cases:
            yield case.body, isinstance(case.pattern, ast.MatchValue) and _is_data(case.body)
    for name in ("body", "orelse", "finalbody"):
        if block := getattr(node, name, []):
            yield block, name == "body" and _is_row(node)
    for handler in getattr(node, "handlers", []):
        yield handler.body, False


def _is_row(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and _is_equality(node.test) and _is_data(node.body)


def _is_equality(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp):
        return isinstance(test.op, ast.And) and all(map(_is_equality, test.values))
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq)):
        return False
    return any(isinstance(side, ast.Constant) for side in (test.left, *test.comparators))


def _is_data(block: Sequence[ast.stmt]) -> bool:
    return all(isinstance(node, ast.Return | ast.Assign) and _is_literal(node.value) for node in block)


def _is_literal(node: ast.expr | None) -> bool:
    try:
        ast.literal_eval(node) if node else None
    except (ValueError, TypeError):
        return False
    return True


def _refuses(last: ast.stmt) -> bool:
    return isinstance(last, ast.Raise) or (isinstance(last, ast.Return) and is_refusal(_told(last.value)))


def _told(node: ast.expr | None) -> object:
    """What is known of a value from its expression: whatever is computed is shown as a word."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else "computed" for key in node.keys]
        return dict(zip(keys, map(_told, node.values), strict=True))
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return node.values[0].value
    return "computed" if node else None
