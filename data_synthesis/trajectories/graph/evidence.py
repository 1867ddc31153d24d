"""Which output of a tool can fill which parameter of another: by schema, by name, and by embedding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from data_synthesis.embedding.interface import Embedder
from data_synthesis.records import Feed, ServerTool

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_DEEPEST = 4  # levels of an output that are looked into

# Words that say what kind of value it is and not of what: `id` alone fits anything.
_KINDS = frozenset(
    {
        "id", "ids", "name", "key", "code", "number", "value", "type", "uuid", "token", "path", "url", "ref",
        "query", "text", "data", "item",
    }
)  # fmt: skip
# How sure: a name that is the same; the same with its parent; a tool's noun.
_SAME, _QUALIFIED, _BY_NAME = 1.0, 0.8, 0.6

Feeds = dict[tuple[str, str], list[Feed]]


def evidence(tools: Sequence[ServerTool], least: float, embedder: Embedder | None = None) -> Feeds:
    """For each ordered pair of tools what can flow from the first to the second, the best for each parameter.

    Args:
        least: score under which it is left out.
        embedder: compares what tools say they do with what parameters say they are; without one that is left out.
    """
    said = _by_embedding(tools, embedder) if embedder else {}
    found: Feeds = {}
    for source in tools:
        outputs = list(_outputs(source.output_schema))
        nouns = frozenset(words(source.name)) - _KINDS
        for target in tools:
            if source is target:
                continue
            feeds = [
                feed
                for parameter in parameters(target)
                if (feed := _best(parameter, outputs, nouns, said.get((source.name, target.name, parameter))))
                and feed.score >= least
            ]
            if feeds:
                found[source.name, target.name] = feeds
    return found


def parameters(tool: ServerTool) -> Mapping[str, Any]:
    """Name -> schema."""
    properties = tool.parameters.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def required(tool: ServerTool) -> list[str]:
    names = tool.parameters.get("required")
    known = parameters(tool)
    return [name for name in names if name in known] if isinstance(names, list) else []  # type: ignore[misc]


def words(name: str) -> list[str]:
    """Lower case, without a plural's s: `orderIds` -> order, id."""
    found = [word.lower() for word in _WORD.findall(name)]
    return [re.sub(r"(?<=..[^s])s$", "", word) for word in found]


def _best(
    parameter: str, outputs: Sequence[tuple[str, ...]], nouns: frozenset[str], said: float | None
) -> Feed | None:
    wanted = words(parameter)
    candidates = [
        Feed(parameter=parameter, output=".".join(path), evidence="schema", score=score)
        for path in outputs
        if (score := _same_name(wanted, path))
    ]
    if not candidates and (frozenset(wanted) - _KINDS) & nouns and frozenset(wanted) & _KINDS:
        candidates.append(Feed(parameter=parameter, evidence="name", score=_BY_NAME))
    if said is not None:
        candidates.append(Feed(parameter=parameter, evidence="embedding", score=min(max(said, 0.0), 1.0)))
    return max(candidates, key=lambda feed: feed.score, default=None)


def _same_name(wanted: Sequence[str], path: tuple[str, ...]) -> float:
    """A bare `id` is the same as another only with what it is the id of."""
    leaf = words(path[-1])
    if leaf == wanted and not _KINDS.issuperset(wanted):
        return _SAME
    whole = [word for step in path for word in words(step)]
    return _QUALIFIED if len(wanted) > 1 and whole[-len(wanted) :] == wanted else 0.0


def _outputs(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The dotted names in what a tool returns."""
    if not isinstance(schema, Mapping) or len(path) > _DEEPEST:
        return
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield (*path, str(name))
        yield from _outputs(inner, (*path, str(name)))
    yield from _outputs(schema.get("items"), path)


def _by_embedding(tools: Sequence[ServerTool], embedder: Embedder) -> dict[tuple[str, str, str], float]:
    """Cosine of what a tool returns and what a parameter is, in words."""
    asked = [(tool.name, name) for tool in tools for name in parameters(tool)]
    if not asked:
        return {}
    described = {tool.name: parameters(tool) for tool in tools}
    texts = [f"{name}: {_description(described[tool][name])}" for tool, name in asked]
    given = embedder.embed([f"the result of {tool.name}: {tool.description}" for tool in tools])
    cosines = np.asarray(given) @ np.asarray(embedder.embed(texts)).T
    return {
        (source.name, target, name): float(cosines[i, j])
        for i, source in enumerate(tools)
        for j, (target, name) in enumerate(asked)
        if source.name != target
    }


def _description(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, Mapping) else ""
