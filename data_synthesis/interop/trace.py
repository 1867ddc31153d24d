"""What upstream's records share whatever their step: the graph, the scenario, and where they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

from data_synthesis.environments import graph
from data_synthesis.interop.upstream_records import Instance, Metadata
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Provenance, Record, Scenario

Parents = Mapping[int, Sequence[int]]


def parents_of(instance: Instance) -> dict[int, list[int]]:
    """Sub-question -> its direct parents, each once. Null and an empty list are the same.

    Raises:
        Rejected: `bad_structure`: ids that are not unique, a parent that is no sub-question, or a circle.
    """
    parents = {node.id: list(dict.fromkeys(node.dependency or [])) for node in instance.decomposition_trace}
    if len(parents) < len(instance.decomposition_trace):
        raise Rejected("bad_structure", "two sub-questions have the same `_uuid`")
    try:
        graph.layers(parents)
    except ValueError as error:
        raise Rejected("bad_structure", f"`dependency`: {error}") from error
    return parents


def nearest(parents: Parents, kept: Collection[int]) -> dict[int, list[int]]:
    """Each kept node -> its nearest kept ancestors: what comes through a node that is not kept is not lost."""
    found: dict[int, set[int]] = {}
    depth = graph.layers(parents)
    for node in sorted(parents, key=depth.__getitem__):
        found[node] = set().union(*({up} if up in kept else found[up] for up in parents[node]))
    return {node: sorted(found[node]) for node in parents if node in kept}


def scenario_of(instance: Instance, parents: Parents) -> Scenario:
    """The type that the record claims, such as `Parallel Multi-Hop`; the one of its shape where it claims none.

    Raises:
        Rejected: `bad_structure`: there is no such type.
    """
    if instance.scenario_type is None:
        return graph.scenario(parents)
    claimed = re.sub(r"[\s_-]+", "_", instance.scenario_type.strip().lower())
    for name in get_args(Scenario):
        if name == claimed:
            return name
    raise Rejected("bad_structure", f"there is no `scenario_type` {instance.scenario_type!r}")


def origin(instance: Instance, **more: Any) -> Provenance:
    """The record's own id as the parent, and the model that decomposed the question as the teacher."""
    said = {"parents": [instance.uuid] if instance.uuid else [], "teacher": metadata_of(instance).model_name}
    return Provenance.model_validate(said | {name: value for name, value in more.items() if value})


def metadata_of(instance: Instance) -> Metadata:
    return instance.metadata or Metadata()


def context_of(instance: Instance) -> str | None:
    """The corpus as text; None where it is empty."""
    corpus = metadata_of(instance).knowledge_corpus
    if isinstance(corpus, str) or corpus is None:
        return corpus or None
    return json.dumps(corpus, ensure_ascii=False)


def unknown_fields(instance: Instance, kind: type[Record]) -> dict[str, Any]:
    """The fields that upstream's formats do not have, without those that mean something else in a `kind`."""
    fields = (metadata_of(instance).model_extra or {}) | (instance.model_extra or {})
    return {name: value for name, value in fields.items() if name not in kind.model_fields}
