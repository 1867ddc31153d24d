"""What a tool's Python source says about itself, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from data_synthesis.arenas import coverage, tables
from data_synthesis.arenas.fallbacks import Literal, constants, fallbacks, literals, returned

# What differs between two moments: `module.name`, or `module.` for everything in the module.
_CLOCK_OR_RANDOM = (
    *(f"time.{name}{suffix}" for name in ("time", "monotonic", "perf_counter") for suffix in ("", "_ns")),
    *(f"time.{name}" for name in ("process_time", "thread_time", "clock_gettime")),
    *(f"datetime.{kind}.{name}" for kind in ("datetime", "date") for name in ("now", "today", "utcnow")),
    *("uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom", "secrets.", "random."),
)
# The same, unless the moment is given: calls with fewer arguments than this.
_CLOCK_WITHOUT = {
    "time.localtime": 1,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
}
# What differs between two processes or two machines.
_OF_THE_PROCESS = (
    *(f"os.{name}" for name in ("getpid", "getppid", "environ", "getenv", "getcwd", "cpu_count", "times")),
    *("platform.", "socket.", "tempfile.", "getpass.", "threading.get_ident", "builtins.id"),
)

# CPython 3.11.7 counts the depth of all threads' syntax trees as one, and then fails (gh-106905).
_PARSING = Lock()


@dataclass(frozen=True)
class ToolSource:
    """A tool's signature, its default literals, what it reads besides its arguments, its data, and its statements."""

    parameters: frozenset[str]
    required: frozenset[str]
    open_ended: bool  # takes **kwargs
    defaults: tuple[Literal, ...]  # of its parameters
    returned: tuple[Literal, ...]  # see `fallbacks.returned`
    fallbacks: tuple[Literal, ...]  # see `fallbacks.fallbacks`
    clock_or_random: tuple[str, ...]
    of_the_process: tuple[str, ...]
    columns: tuple[tuple[tables.Scalar, ...], ...]  # see `tables.columns`
    tables: tuple[tuple[tuple[tables.Scalar, ...], ...], ...]  # see `tables.tables`
    statements: tuple[coverage.Statement, ...]  # see `coverage.statements`


@lru_cache(maxsize=1024)
def read_source(source: str, name: str) -> ToolSource:
    """Reads the module that defines the tool `name`.

    Raises:
        ValueError: the source is not Python, or does not define exactly one plain function of that name.
    """
    try:
        with _PARSING:
            return _read(ast.parse(source), name)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"the source of `{name}` is not Python that can be read: {error}") from error


def _read(module: ast.Module, name: str) -> ToolSource:
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if len(functions) != 1:
        raise ValueError(f"the source of `{name}` defines {len(functions)} functions of that name, not one")
    arguments, nodes = functions[0].args, list(ast.walk(module))
    reads = sorted(set(_reads(nodes)))
    names = constants(module.body, nodes)
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    keyword_defaults = dict(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    needed += [keyword for keyword, default in keyword_defaults.items() if default is None]
    defaults = [
        *arguments.defaults,
        *(default for default in keyword_defaults.values() if default is not None),
    ]
    return ToolSource(
        parameters=frozenset(each.arg for each in [*arguments.args, *arguments.kwonlyargs]),
        required=frozenset(each.arg for each in needed),
        open_ended=arguments.kwarg is not None,
        defaults=tuple(value for default in defaults for value in literals(default, {})),
        returned=tuple(returned(functions[0], names)),
        fallbacks=tuple(fallbacks(functions[0], nodes, names)),
        clock_or_random=tuple(read for read in reads if read.startswith(_CLOCK_OR_RANDOM)),
        of_the_process=tuple(read for read in reads if read.startswith(_OF_THE_PROCESS)),
        columns=tuple(tables.columns(module, nodes)),
        tables=tuple(tuple(rows) for rows in tables.tables(module)),
        statements=tuple(coverage.statements(nodes)),
    )


def _reads(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Dotted names of what the module uses of other modules, and of clocks and identities."""
    origins = dict(_imported(nodes))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    names = [_dotted(call.func, origins) for call in calls]
    seeded = any(name == "random.seed" and call.args for call, name in zip(calls, names, strict=True))
    with_seed: set[ast.AST] = set()
    for call, name in zip(calls, names, strict=True):
        if name in ("random.Random", "random.seed") and call.args:
            with_seed.add(call.func)
        if name in _CLOCK_WITHOUT and len(call.args) < _CLOCK_WITHOUT[name]:
            yield f"time.time (in {name})"
        if (
            name is None
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ("now", "utcnow", "today")
        ):
            yield f"datetime.datetime.{call.func.attr}"
        if isinstance(call.func, ast.Name) and call.func.id == "id" and name is None:
            yield "builtins.id"
    for node in nodes if origins else ():
        name = _dotted(node, origins)
        if name and node not in with_seed and not (seeded and name.startswith("random.")):
            yield name


def _imported(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    """Local name -> dotted origin."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.split(".")[0]
                yield alias.asname or root, alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.AST, origins: dict[str, str]) -> str | None:
    """The dotted name of an expression whose root was imported."""
    if isinstance(node, ast.Name):
        return origins.get(node.id)
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value, origins)):
        return f"{base}.{node.attr}"
    return None
