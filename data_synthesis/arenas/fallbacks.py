"""Literals that a tool's source gives where it knows nothing about its input.

Two kinds. What the tool's function returns when no condition held (`returned`) belongs to no particular input. What an
expression or a branch gives for an unknown key (`fallbacks`) is a default by its form: the second argument of `get`,
the last operand of `or`, the branch for what is not in a table, the handler of an exception, a local variable that
only some branches overwrite. A row of data is neither: a value in a mapping, a `return` under a comparison.
Constants of the module, and texts that are put together of constants, count as literals.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from data_synthesis.arenas.tables import Scalar, scalar

Literal = Scalar | bool
Names = Mapping[str, Literal]

# A function or method whose argument at this place is what comes back for lack of anything else.
_DEFAULT_AT = {"get": 1, "pop": 1, "setdefault": 1, "getenv": 1, "next": 1, "getattr": 2}


def constants(block: Sequence[ast.stmt], nodes: Sequence[ast.AST]) -> dict[str, Literal]:
    """Names to which the statements of `block` themselves assign once, and a constant. Branches may assign again.

    Args:
        nodes: all nodes of the module; what is added to anywhere in it is no constant.
    """
    times: Counter[str] = Counter()
    found: dict[str, Literal] = {}
    for node in block:
        for name, value in _assigned(node):
            times[name] += 1
            if (constant := _constant(value, {})) is not None:
                found[name] = constant
    sums = {_name(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    return {name: value for name, value in found.items() if times[name] == 1 and name not in sums}


def returned(function: ast.FunctionDef, names: Names) -> Iterator[Literal]:
    """The literals that `function` returns when no condition held.

    Args:
        names: the constants of the module.
    """
    for value in _reached(function.body):
        yield from literals(value, names)


def fallbacks(function: ast.FunctionDef, nodes: Sequence[ast.AST], names: Names) -> Iterator[Literal]:
    """The literals that a module gives for unknown input, and its `function` for lack of a better value.

    Args:
        nodes: all nodes of the module.
        names: the constants of the module.
    """
    parameters = frozenset(node.arg for node in nodes if isinstance(node, ast.arg))
    for node in nodes:
        for value in _defaults(node, parameters):
            yield from literals(value, names)
    stores = Counter(
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    initial = constants(function.body, nodes)
    overwritten = {name: value for name, value in initial.items() if stores[name] > 1}
    for value in _reached(function.body):
        yield from literals(value, overwritten)


def literals(node: ast.expr | None, names: Names) -> Iterator[Literal]:
    """The constants that are the value of an expression or parts of it: not operands, not arguments of calls."""
    if (value := _constant(node, names)) is not None:
        yield value
    elif isinstance(node, ast.JoinedStr):
        yield from (str(part.value) for part in node.values if isinstance(part, ast.Constant))
    else:
        for inner in _parts(node):
            yield from literals(inner, names)


def _constant(node: ast.expr | None, names: Names) -> Literal | None:
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            return value
        case ast.Name(id=name):
            return names.get(name)
        case ast.UnaryOp(op=ast.USub()):
            return scalar(node)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined([left, right], names)
        case ast.JoinedStr(values=parts):
            return _joined(
                [part.value if isinstance(part, ast.FormattedValue) else part for part in parts], names
            )
    return None


def _joined(parts: Sequence[ast.expr], names: Names) -> str | None:
    texts = [_constant(part, names) for part in parts]
    return "".join(map(str, texts)) if any(isinstance(t, str) for t in texts) and None not in texts else None


def _parts(node: ast.expr | None) -> list[ast.expr]:
    match node:
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return parts
        case ast.BoolOp(values=parts):
            return parts
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
    return []


def _assigned(node: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [(name, node.value) for target in targets if (name := _name(target))]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _reached(block: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    """What is returned when every condition fails and every loop runs out."""
    for node in block:
        match node:
            case ast.Return(value=value) if value is not None:
                yield value
            case ast.Match(cases=cases):
                for case in cases:
                    yield from _reached(case.body if _takes_anything(case) else [])
            case ast.With(body=body):
                yield from _reached(body)
            case ast.Try(body=body, orelse=orelse, finalbody=final):
                yield from _reached([*body, *orelse, *final])
            case ast.If(orelse=orelse) | ast.For(orelse=orelse) | ast.While(orelse=orelse):
                yield from _reached(orelse)


def _defaults(node: ast.AST, parameters: frozenset[str]) -> Iterator[ast.expr]:
    """The expressions inside `node` that stand for what is not known."""
    match node:
        case ast.Call(func=function, args=arguments, keywords=keywords):
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            yield from arguments[_DEFAULT_AT.get(called, len(arguments)) :][:1]
            yield from (keyword.value for keyword in keywords if keyword.arg == "default")
            if called == "defaultdict" and arguments and isinstance(arguments[0], ast.Lambda):
                yield arguments[0].body
        case ast.BoolOp(op=ast.Or(), values=values):
            yield values[-1]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from (
                each
                for each, unknown in ((body, True), (orelse, False))
                if _says(test, parameters) is unknown
            )
        case ast.If(test=test, body=body, orelse=orelse):
            yield from _given(
                body if _says(test, parameters) else orelse if _says(test, parameters) is False else []
            )
        case ast.ExceptHandler(body=body):
            yield from _given(body)
        case ast.match_case(body=body) if _takes_anything(node):
            yield from _given(body)


def _says(test: ast.expr, parameters: frozenset[str]) -> bool | None:
    """Whether a test that holds says that something is unknown (true) or known (false); None for other tests.

    A parameter that is tested by itself is a switch, not something that was looked up.
    """
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _says(operand, parameters)
            return None if inner is None else not inner
        case ast.Compare(ops=[ast.NotIn()], comparators=[ast.Name()]):
            return True
        case ast.Compare(ops=[ast.In()], comparators=[ast.Name()]):
            return False
        case ast.Compare(
            left=ast.Name(id=name),
            ops=[ast.Is() | ast.IsNot() as operation],
            comparators=[ast.Constant(value=None)],
        ):
            return None if name in parameters else isinstance(operation, ast.Is)
        case ast.Name(id=name):
            return None if name in parameters else False
    return None


def _given(block: Sequence[ast.stmt]) -> list[ast.expr]:
    return [
        node.value for node in block if isinstance(node, ast.Return | ast.Assign) and node.value is not None
    ]


def _takes_anything(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None
