"""Upstream's records of the steps 1 to 3 as decompositions.

Layers are computed from the dependencies, whatever `hop_level` and `is_parallel` say. Scores are taken over as far as
they are numbers in [0, 1]; upstream's -100 and everything else is null. Upstream gives 1.0 where a judge failed, which
a record does not tell from a good score.
"""

from __future__ import annotations

from collections import Counter

from pydantic import JsonValue

from data_synthesis.environments import graph
from data_synthesis.interop.trace import (
    context_of,
    metadata_of,
    origin,
    parents_of,
    scenario_of,
    unknown_fields,
)
from data_synthesis.interop.upstream_records import Instance, TraceNode
from data_synthesis.records import Decomposition, DecompositionScores, SubQuestion

# Ours -> upstream's.
_SCORES = {
    "dependency": "dependency",
    "atomicity": "data_quality",
    "sequential_rationality": "forced_serialization",
    "completeness": "completeness",
}


def decomposition_of(instance: Instance) -> Decomposition:
    """The decomposition of a record. Fields that upstream's format does not have are kept.

    Raises:
        Rejected: `bad_structure`.
    """
    parents = parents_of(instance)
    depth = graph.layers(parents)
    width = Counter(depth.values())
    metadata = metadata_of(instance)
    content = {
        "question": instance.main_question,
        "domain": metadata.domain or "unknown",
        "context": context_of(instance),
        "answer": instance.final_answer,
        "scenario": scenario_of(instance, parents),
        "sub_questions": [
            _sub_question(node, parents[node.id], depth[node.id], width[depth[node.id]] > 1)
            for node in instance.decomposition_trace
        ],
        "scores": _scores(instance.verify_result),
        "provenance": origin(instance),
    }
    language = {"language": metadata.language} if metadata.language else {}
    return Decomposition.model_validate(unknown_fields(instance, Decomposition) | language | content)


def _sub_question(node: TraceNode, parents: list[int], layer: int, is_parallel: bool) -> SubQuestion:
    unknown = {
        name: value
        for name, value in (node.model_extra or {}).items()
        if name not in SubQuestion.model_fields
    }
    content = {
        "id": node.id,
        "question": node.sub_question,
        "answer": node.sub_answer,
        "depends_on": parents,
        "hop_level": layer,
        "is_parallel": is_parallel,
        "tool_necessity": node.tool_necessity,
        "reason": node.reason or "",
    }
    return SubQuestion.model_validate(unknown | content)


def _scores(verify_result: JsonValue) -> DecompositionScores:
    parts = verify_result.get("extra_info") if isinstance(verify_result, dict) else None
    found = parts if isinstance(parts, dict) else {}
    return DecompositionScores(**{ours: _score(found.get(theirs)) for ours, theirs in _SCORES.items()})


def _score(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None
