"""Distractors come from other domains, under names of their own, by seed."""

from __future__ import annotations

import pytest

from data_synthesis.arenas.distractors import PoolTool, add_distractors, tool_pool
from data_synthesis.arenas.proof import prove


@pytest.fixture
def pool(build) -> list[PoolTool]:
    sources = {f"tool_{i}": f"def tool_{i}(a):\n    return a\n" for i in range(12)}
    tools = [build.tool(source, a={"type": "string"}) for source in sources.values()]
    return [PoolTool("travel" if i < 4 else "cooking", tool) for i, tool in enumerate(tools)]


def names(arena) -> list[str]:
    return [tool.name for tool in arena.distractors]


def test_distractors_come_from_other_domains_by_seed(build, pool):
    arena = build.prices()
    mixed = add_distractors(arena, pool, 3, seed=1)
    assert names(mixed) == names(add_distractors(arena, pool, 3, seed=1))
    assert len(set(names(mixed))) == 3
    assert set(names(mixed)) <= {f"tool_{i}" for i in range(4, 12)}
    assert len({tuple(names(add_distractors(arena, pool, 3, seed=seed))) for seed in range(10)}) > 5
    assert len(names(add_distractors(arena, pool, 100, seed=1))) == 8


def test_names_stay_unique(build, pool):
    arena = build.prices(distractors=[pool[5].tool])
    taken = PoolTool("cooking", arena.tools[0])
    mixed = add_distractors(arena, [*pool, taken, *pool], 100, seed=1)
    assert names(mixed)[0] == "tool_5"
    assert len(set(names(mixed))) == len(mixed.distractors) == 8
    assert "room_price" not in names(mixed)


def test_a_mixed_arena_is_another_record_without_a_proof_and_can_be_proved(build, pool, sandbox):
    arena = build.prices()
    arena.verification = prove(arena, sandbox)
    mixed = add_distractors(arena, pool, 2, seed=1)
    assert mixed.id == mixed.content_id() != arena.id
    assert mixed.verification is None
    assert not arena.distractors
    assert prove(mixed, sandbox).passed


def test_the_pool_of_arenas_has_each_name_once_in_a_domain(build):
    pool = tool_pool(
        [build.prices(domain="a"), build.multi_hop(), build.prices(domain="b"), build.multi_hop()]
    )
    assert [(each.domain, each.tool.name) for each in pool] == [
        ("a", "room_price"),
        ("travel", "owner_of"),
        ("travel", "phone_of"),
        ("b", "room_price"),
    ]
