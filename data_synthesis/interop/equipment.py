"""What upstream's steps 4 and 5 made for the sub-questions: a document, code, and the statement that calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from pydantic import JsonValue

from data_synthesis.interop.calls import BadCall, parse_call, positional_parameters
from data_synthesis.interop.upstream_records import Cluster, Environment, Instance, TraceNode
from data_synthesis.pipeline import Rejected
from data_synthesis.records import ArenaTool, ToolSpec


@dataclass(frozen=True)
class Equipment:
    """A sub-question's tool, the arguments of its call, and the answer that the code was checked against."""

    tool: ArenaTool
    arguments: dict[str, JsonValue]
    expected: JsonValue


def equip(instance: Instance, nodes: Sequence[TraceNode]) -> dict[int, Equipment]:
    """The equipment of each of `nodes`. The members of a cluster that was merged share one tool.

    Raises:
        Rejected: `missing_environment`, `bad_call`; `bad_structure` or `bad_clusters` where it is not clear whose a
            tool is.
    """
    environments = instance.env_result or {}
    if unknown := sorted(set(environments) - {node.id for node in instance.decomposition_trace}):
        raise Rejected("bad_structure", f"`env_result` is about sub-questions {unknown}, which do not exist")
    parts = {i: _own(environment) for i, environment in environments.items()}
    parts |= _merged(instance.aggregated_env or [], parts)
    lacking = [
        f"sub-question {node.id} {said}" for node in nodes if (said := parts.get(node.id, _NONE).lacking())
    ]
    if lacking:
        raise Rejected("missing_environment", "; ".join(lacking))
    return {node.id: _equipment(node, parts[node.id], environments.get(node.id)) for node in nodes}


@dataclass(frozen=True)
class _Parts:
    tool_document: ToolSpec | None = None
    code: str | None = None
    tool_call_statement: str | None = None

    def lacking(self) -> str:
        names = [each.name for each in fields(self) if not getattr(self, each.name)]
        if len(names) == len(fields(self)):
            return "needs a tool and has none"
        return f"has a tool without its {' and '.join(names)}" if names else ""


_NONE = _Parts()


def _own(environment: Environment | None) -> _Parts:
    result = environment.env_synthesis_result if environment else None
    data = result.data if result else None
    return _Parts(data.tool_document, data.code, data.tool_call_statement) if data else _NONE


def _merged(clusters: Sequence[Cluster], own: Mapping[int, _Parts]) -> dict[int, _Parts]:
    """The parts of the members of successful merges. The others keep their own."""
    merged: dict[int, _Parts] = {}
    for cluster in clusters:
        if cluster.status != "success" or not cluster.merged_code or not cluster.tool_document:
            continue
        statements = {each.id: each.tool_call_statement for each in cluster.tool_call_statements or []}
        for i in dict.fromkeys(cluster.ids):
            if i in merged:
                raise Rejected("bad_clusters", f"sub-question {i} is in more than one of `aggregated_env`")
            statement = statements.get(i) or own.get(i, _NONE).tool_call_statement
            merged[i] = _Parts(cluster.tool_document, cluster.merged_code, statement)
    return merged


def _equipment(node: TraceNode, parts: _Parts, environment: Environment | None) -> Equipment:
    spec, code, statement = parts.tool_document, parts.code, parts.tool_call_statement
    assert spec is not None  # `equip` has looked
    assert code is not None
    assert statement is not None
    order = positional_parameters(code, spec.name) or list(_properties(spec))
    try:
        name, arguments = parse_call(statement, order)
    except BadCall as error:
        raise Rejected("bad_call", f"sub-question {node.id}: {error}") from error
    if name != spec.name:
        raise Rejected(
            "bad_call", f"sub-question {node.id}: the call is of `{name}`, the tool is `{spec.name}`"
        )
    checked = environment.answer if environment else None
    expected = node.sub_answer if checked is None else checked
    return Equipment(ArenaTool(spec=spec, source=code), arguments, expected)


def _properties(spec: ToolSpec) -> Mapping[str, JsonValue]:
    properties = spec.parameters.get("properties")
    return properties if isinstance(properties, dict) else {}
