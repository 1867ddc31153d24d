"""Upstream's step-4 and step-5 records as arenas.

A sub-question needs a tool unless the record says that it does not, and one that needs a tool and has none makes the
record useless: upstream writes it all the same. A dependency through sub-questions without a tool becomes a direct one.
"""

from __future__ import annotations

import json
import tokenize
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from data_synthesis.environments.naming import with_unique_names
from data_synthesis.interop.equipment import Equipment, equip
from data_synthesis.interop.trace import (
    context_of,
    metadata_of,
    nearest,
    origin,
    parents_of,
    scenario_of,
    unknown_fields,
)
from data_synthesis.interop.upstream_records import Instance, TraceNode
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena, ArenaTool, GoldCall


def arena_of(instance: Instance) -> Arena:
    """The arena of a record. Nothing is run, so it is still to be proved.

    Tools that differ and have one name are told apart as `name_2` and so on; `provenance.renamed` says which.
    Fields that upstream's format does not have are kept.

    Raises:
        Rejected: `no_tool_needed`, `missing_environment`, `bad_call`, `bad_structure`, `bad_clusters`,
            `source_does_not_load`.
    """
    parents = parents_of(instance)
    nodes = [node for node in instance.decomposition_trace if node.tool_necessity is not False]
    if not nodes:
        raise Rejected("no_tool_needed", "no sub-question needs a tool")
    equipment = equip(instance, nodes)
    depends_on = nearest(parents, equipment.keys())
    tools = _named([equipment[node.id].tool for node in nodes])
    calls = [
        _gold_call(node, equipment[node.id], tool.name, depends_on[node.id])
        for node, tool in zip(nodes, tools, strict=True)
    ]
    renamed = {call.tool: name for call in calls if (name := equipment[call.id].tool.name) != call.tool}
    content = {
        "question": "\n\n".join(filter(None, [context_of(instance), instance.main_question])),
        "domain": metadata_of(instance).domain or "unknown",
        "scenario": scenario_of(instance, depends_on),
        "tools": list({tool.name: tool for tool in tools}.values()),
        "gold_calls": calls,
        "final_answer": _in_words(instance.final_answer),
        "provenance": origin(instance, renamed=renamed),
    }
    return Arena.model_validate(unknown_fields(instance, Arena) | _language(instance) | content)


def _named(tools: Sequence[ArenaTool]) -> list[ArenaTool]:
    try:
        return with_unique_names(tools)
    except (tokenize.TokenError, SyntaxError) as error:
        raise Rejected(
            "source_does_not_load", f"a tool that shares its name is not Python: {error}"
        ) from error


def _gold_call(node: TraceNode, made: Equipment, tool: str, depends_on: list[int]) -> GoldCall:
    unknown = {name: value for name, value in (node.model_extra or {}).items() if name not in _NOT_KEPT}
    content = {
        "id": node.id,
        "tool": tool,
        "arguments": made.arguments,
        "expected": made.expected,
        "question": node.sub_question,
        "depends_on": depends_on,
    }
    return GoldCall.model_validate(unknown | content)


_NOT_KEPT = frozenset(GoldCall.model_fields) | {"arguments_known"}  # which means something else there


def _language(instance: Instance) -> dict[str, Any]:
    language = metadata_of(instance).language
    return {"language": language} if language else {}


def _in_words(answer: JsonValue) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
