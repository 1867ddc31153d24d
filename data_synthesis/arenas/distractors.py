"""Tools that an arena does not need, mixed in so that the agent must choose (the paper's irrelevant-tool mixing)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from data_synthesis.records import Arena, ArenaTool


class PoolTool(NamedTuple):
    """A tool with the domain it comes from."""

    domain: str
    tool: ArenaTool


Select = Callable[[Arena, Sequence[PoolTool], int, random.Random], Sequence[PoolTool]]


def tool_pool(arenas: Iterable[Arena]) -> list[PoolTool]:
    """All gold tools of the arenas; of tools of one name the first."""
    pool: dict[str, PoolTool] = {}
    for arena in arenas:
        for tool in arena.tools:
            pool.setdefault(tool.name, PoolTool(arena.domain, tool))
    return list(pool.values())


def uniform(
    arena: Arena, candidates: Sequence[PoolTool], count: int, rng: random.Random
) -> Sequence[PoolTool]:
    """Up to `count` candidates, every one as likely as another."""
    return rng.sample(candidates, min(count, len(candidates)))


def add_distractors(
    arena: Arena, pool: Sequence[PoolTool], count: int, seed: int, select: Select = uniform
) -> Arena:
    """The arena with up to `count` more distractors, from other domains and with names that it does not have yet.

    Distractors are content: the id changes, and a report of a proof does not go along.

    Args:
        select: chooses among the candidates, which are in the pool's order and have unique names.
    """
    taken = {tool.name for tool in [*arena.tools, *arena.distractors]}
    candidates: dict[str, PoolTool] = {}
    for each in pool:
        if each.domain != arena.domain and each.tool.name not in taken:
            candidates.setdefault(each.tool.name, each)
    rng = random.Random(f"distractors {arena.id} {seed}")
    chosen = select(arena, list(candidates.values()), count, rng)
    distractors = [*arena.distractors, *(each.tool for each in chosen)]
    mixed = arena.model_copy(update={"distractors": distractors, "verification": None})
    mixed.id = mixed.content_id()
    return mixed
