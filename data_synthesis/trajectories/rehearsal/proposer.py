"""Chains without a model: those of the requests that are written down, or neighbours by what their names say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data_synthesis.trajectories.rehearsal.clauses import clauses, in_words
from data_synthesis.trajectories.rehearsal.script import Rehearsals

# What one does first with a thing, and what last.
_ORDER = (
    ("search", "find", "query", "lookup"),
    ("list", "browse", "all"),
    ("get", "read", "fetch", "show", "view", "describe", "status"),
    ("create", "add", "new", "write", "insert", "generate", "send", "post"),
    ("update", "edit", "set", "change", "modify"),
    ("delete", "remove", "cancel", "close"),
)
_MOST = 4  # chains of one server
_LONGEST = 3


def chains(server: str, tools: Sequence[Mapping[str, Any]], rehearsals: Rehearsals) -> list[list[str]]:
    """Proposed chains of two or more tools, each tool once in its chain."""
    if written := rehearsals.of_server(server):
        return [
            list(tools) for tools in dict.fromkeys(tuple(task.tools) for task in written) if len(tools) > 1
        ]
    names = sorted((tool["name"] for tool in tools), key=_place)
    windows = [names[i : i + _LONGEST] for i in range(0, len(names), _LONGEST - 1)]
    return [window for window in windows if len(window) > 1][:_MOST]


def spelled_out(query: str, tools: Sequence[Mapping[str, Any]], rehearsals: Rehearsals) -> list[str]:
    """The tools that a request needs, as far as it was written down or spells them out."""
    if written := rehearsals.of_query(query):
        return written.tools
    by_words = {in_words(tool["name"]): tool["name"] for tool in tools}
    return [by_words[clause.words] for clause in clauses(query) if clause.words in by_words]


def _place(name: str) -> tuple[int, str]:
    words = set(in_words(name).split())
    return next((i for i, verbs in enumerate(_ORDER) if words & set(verbs)), len(_ORDER)), name
