"""The shape of a decomposition, by rule: what makes it well formed, its layers, and its scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from data_synthesis.environments.replies import SubQuestionReply
from data_synthesis.records import Scenario

Parents = Mapping[int, Sequence[int]]


def layers(parents: Parents) -> dict[int, int]:
    """Node id -> its layer, from 1: one more than the deepest parent's.

    Raises:
        ValueError: the graph has a cycle, or a parent that is not a node.
    """
    if unknown := sorted({p for ids in parents.values() for p in ids} - set(parents)):
        raise ValueError(f"no node has the id {unknown[0]}")
    depth: dict[int, int] = {}
    while len(depth) < len(parents):
        ready = [n for n, ids in parents.items() if n not in depth and all(p in depth for p in ids)]
        if not ready:
            raise ValueError(f"nodes {sorted(set(parents) - set(depth))} depend on each other in a circle")
        depth |= {n: 1 + max((depth[p] for p in parents[n]), default=0) for n in ready}
    return depth


def scenario(parents: Parents) -> Scenario:
    """The paper's four types, from the shape alone."""
    depth = layers(parents)
    deep = max(depth.values()) > 1
    if max(depth.values()) == len(depth):
        return "multi_hop" if deep else "single_hop"
    return "parallel_multi_hop" if deep else "parallel_single_hop"


def problems(nodes: Sequence[SubQuestionReply], claimed: Scenario) -> list[str]:
    """Every way in which a decomposition is not well formed, one sentence each."""
    ids = [node.id for node in nodes]
    if ids != list(range(1, len(ids) + 1)):
        return [f"the ids are {ids}, not 1 to {len(ids)} in order"]
    parents = {node.id: node.depends_on for node in nodes}
    try:
        depth = layers(parents)
    except ValueError as error:
        return [f"`depends_on`: {error}"]
    found = [problem for node in nodes for problem in _node_problems(node, depth)]
    if claimed != (actual := scenario(parents)):
        found.append(f"the scenario is said to be {claimed}, but its shape is {actual}")
    return found


def _node_problems(node: SubQuestionReply, depth: Mapping[int, int]) -> Iterator[str]:
    level, name = depth[node.id], f"sub-question {node.id}"
    if len(set(node.depends_on)) < len(node.depends_on):
        yield f"{name} names a parent twice: {node.depends_on}"
    if node.hop_level != level:
        yield f"{name} has hop_level {node.hop_level}, but its parents put it in layer {level}"
    shared = list(depth.values()).count(level) > 1
    if node.is_parallel != shared:
        company = "others share its layer" if shared else "it is alone in its layer"
        yield f"{name} has is_parallel {node.is_parallel}, but {company}"
    if node.answer in ("", []) or (isinstance(node.answer, str) and not node.answer.strip()):
        yield f"{name} has an empty answer"
