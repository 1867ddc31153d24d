"""Tool names within one arena: a tool that was designed twice under one name gets a second one."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence

from data_synthesis.records import ArenaTool


def with_unique_names(tools: Sequence[ArenaTool]) -> list[ArenaTool]:
    """The tools in order. Equal ones keep their common name; a different one takes `name_2`, `name_3`, ..."""
    owners: dict[str, ArenaTool] = {}
    named: list[ArenaTool] = []
    for tool in tools:
        twin = next((name for name, owner in owners.items() if tool == owner), None)
        name = twin or _free(tool.name, owners)
        owners.setdefault(name, tool)
        named.append(tool if name == tool.name else _renamed(tool, name))
    return named


def _free(name: str, taken: dict[str, ArenaTool]) -> str:
    if name not in taken:
        return name
    number = next(n for n in range(2, len(taken) + 3) if f"{name}_{n}" not in taken)
    return f"{name}_{number}"


def _renamed(tool: ArenaTool, name: str) -> ArenaTool:
    spec = tool.spec.model_copy(update={"name": name})
    return ArenaTool(spec=spec, source=_with_name(tool.source, tool.name, name))


def _with_name(source: str, old: str, new: str) -> str:
    """Replaces the name where it stands as a token of its own; attributes, strings and comments keep theirs.

    A source that uses the name for something else as well may break: whoever renames a tool runs it again.
    """
    lines = source.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for before, token in reversed(list(zip([None, *tokens], tokens, strict=False))):
        if token.type == tokenize.NAME and token.string == old and not (before and before.string == "."):
            row, start = token.start[0] - 1, token.start[1]
            lines[row] = lines[row][:start] + new + lines[row][start + len(old) :]
    return "".join(lines)
