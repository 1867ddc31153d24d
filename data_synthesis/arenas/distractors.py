"""Tools that an arena does not need, mixed in so that the agent must choose (the paper's irrelevant-tool mixing)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data_synthesis.records import Arena, ArenaTool


class PoolTool(NamedTuple):
    """A tool with the domain it comes from."""

    domain: str
    tool: ArenaTool


def tool_pool(arenas: Iterable[Arena]) -> list[PoolTool]:
    """All gold tools of the arenas; of tools of one name in one domain the first."""
    pool: dict[tuple[str, str], PoolTool] = {}
    for arena in arenas:
        for tool in arena.tools:
            pool.setdefault((arena.domain, tool.name), PoolTool(arena.domain, tool))
    return list(pool.values())


def add_distractors(arena: Arena, pool: Sequence[PoolTool], count: int, seed: int) -> Arena:
    """The arena with up to `count` more distractors, from other domains and with names that it does not have yet.

    Every candidate is as likely as another. `bands.mix_in` chooses by likeness, as the paper does.
    """
    taken = {tool.name for tool in [*arena.tools, *arena.distractors]}
    candidates: dict[str, PoolTool] = {}
    for each in pool:
        if each.domain != arena.domain and each.tool.name not in taken:
            candidates.setdefault(each.tool.name, each)
    rng = random.Random(f"distractors {arena.id} {seed}")
    chosen = rng.sample(list(candidates.values()), min(count, len(candidates)))
    return with_distractors(arena, [each.tool for each in chosen])


def with_distractors(arena: Arena, tools: Iterable[ArenaTool]) -> Arena:
    """The arena with `tools` after the distractors that it has.

    Distractors are content: the id changes, and a report of a proof does not go along.
    """
    distractors = [*arena.distractors, *tools]
    mixed = arena.model_copy(update={"distractors": distractors, "verification": None})
    mixed.id = mixed.content_id()
    return mixed
