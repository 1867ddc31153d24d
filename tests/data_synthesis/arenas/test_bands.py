"""The bands agree with a second implementation, written as the paper says it, one tool at a time, in fractions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.bands import BANDS, BandSettings, EmbeddedPool, document_text, draws, mix_in
from data_synthesis.arenas.distractors import PoolTool
from data_synthesis.embedding import EmbeddingUnavailable
from data_synthesis.records import Arena, ArenaTool, ToolSpec, VerificationReport

NAMES = [f"tool_{letter}" for letter in "abcdefghij"]
DOMAINS = ["travel", "Travel ", "cooking", "banking"]


class ByDescription:
    """Reads a tool's vector from its description. Whole numbers keep every sum and product exact."""

    name = "by description"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = [json.loads(json.loads(text)["description"]) for text in texts]
        return np.array(vectors, np.float32).reshape(len(texts), 3)


def vector(tool: ArenaTool) -> list[int]:
    return json.loads(tool.spec.description)


def make_tool(name: str, vector: Sequence[int]) -> ArenaTool:
    spec = ToolSpec(name=name, description=json.dumps(list(vector)))
    return ArenaTool(spec=spec, source=f"def {name}():\n    return 1\n")


def make_arena(domain: str, tools: Sequence[ArenaTool], distractors: Sequence[ArenaTool] = ()) -> Arena:
    gold = [{"id": 1, "tool": tools[0].name, "expected": "x"}]
    fields = {"question": "?", "domain": domain, "gold_calls": gold}
    return Arena.model_validate({**fields, "tools": list(tools), "distractors": list(distractors)})


vectors = st.tuples(*[st.integers(-3, 3)] * 3)
tools = st.builds(make_tool, st.sampled_from(NAMES), vectors)
pools = st.lists(st.builds(PoolTool, st.sampled_from(DOMAINS), tools), max_size=14)
distinct = st.lists(tools, min_size=1, max_size=4, unique_by=lambda tool: tool.name)
arenas = st.builds(
    lambda domain, tools, own: make_arena(domain, tools[:own], tools[own:]),
    st.sampled_from(DOMAINS),
    distinct,
    st.integers(1, 3),
)


def naive_bands(arena: Arena, pool: Sequence[PoolTool]) -> dict[str, list[str]]:
    """Names by band, in the pool's order."""
    first: dict[str, ArenaTool] = {}
    domains: dict[str, set[str]] = {}
    for each in pool:
        first.setdefault(each.tool.name, each.tool)
        domains.setdefault(each.tool.name, set()).add(each.domain.strip().lower())
    bands: dict[str, list[str]] = {"high": [], "medium": [], "low": []}
    present = {tool.name for tool in [*arena.tools, *arena.distractors]}
    for name in first:
        if name in present or arena.domain.strip().lower() in domains[name]:
            continue
        values = []
        for tool in arena.tools:
            row = {
                other: sum(a * b for a, b in zip(vector(tool), vector(first[other]), strict=True))
                for other in first
                if other != tool.name
            }
            if max(row.values()) > min(row.values()):
                spread = max(row.values()) - min(row.values())
                values.append(Fraction(row[name] - min(row.values()), spread))
        if any(value > Fraction(85, 100) for value in values):
            bands["high"].append(name)
        elif any(value >= Fraction(4, 10) for value in values):
            bands["medium"].append(name)
        elif values:
            bands["low"].append(name)
    return bands


@given(pools, st.lists(arenas, min_size=1, max_size=3))
def test_bands_agree_with_the_naive_implementation(pool, some):
    embedded = EmbeddedPool(pool, ByDescription())
    for arena, bands in zip(some, embedded.candidates(some, BandSettings()), strict=True):
        names = {
            band: [embedded.tools[place].tool.name for place in places] for band, places in bands.items()
        }
        assert names == naive_bands(arena, pool)


@given(pools, arenas, st.integers(0, 4), st.integers(0, 3))
def test_what_is_taken_is_up_to_k_of_each_band_and_nothing_else(pool, arena, most, seed):
    settings = BandSettings(per_band=most)
    (draw,) = draws([arena], EmbeddedPool(pool, ByDescription()), settings, seed)
    bands = naive_bands(arena, pool)
    added = draw.arena.distractors[len(arena.distractors) :]
    assert draw.arena.distractors[: len(arena.distractors)] == arena.distractors
    assert draw.arena.tools == arena.tools
    assert draw.offered == {band: len(bands[band]) for band in BANDS}
    assert draw.taken == {band: min(most, len(bands[band])) for band in BANDS}
    for band in BANDS:
        assert sum(tool.name in bands[band] for tool in added) == draw.taken[band]
    names = [tool.name for tool in [*arena.tools, *draw.arena.distractors]]
    assert len(names) == len(set(names))
    assert all(tool in [each.tool for each in pool] for tool in added), "with the code that it came with"
    assert draw.arena.id == draw.arena.content_id()


@given(pools, st.lists(arenas, max_size=70), st.integers(0, 3))
def test_an_arena_its_pool_and_the_seed_decide_what_is_taken(pool, some, seed):
    settings = BandSettings(per_band=1)
    together = list(mix_in(some, pool, ByDescription(), settings, seed))
    alone = [
        mixed for arena in some for mixed in mix_in([arena], iter(pool), ByDescription(), settings, seed)
    ]
    assert together == alone


def wide_pool(count: int = 40) -> list[PoolTool]:
    return [PoolTool("cooking", make_tool(f"cook_{i}", (i, 1, 0))) for i in range(count)]


def test_another_seed_takes_others():
    arena = make_arena("travel", [make_tool("tool_a", (1, 0, 0))])
    mixed = [next(mix_in([arena], wide_pool(), ByDescription(), seed=seed)) for seed in range(10)]
    assert len({arena.id for arena in mixed}) > 5


def test_a_mixed_arena_is_another_record_that_names_its_parent_and_has_no_proof():
    arena = make_arena("travel", [make_tool("tool_a", (1, 0, 0))])
    arena.provenance.teacher = "procedural"
    arena.verification = VerificationReport(passed=True)
    (mixed,) = mix_in([arena], wide_pool(), ByDescription())
    assert mixed.id != arena.id
    assert mixed.provenance.parents == [arena.id]
    assert mixed.provenance.teacher == "procedural"
    assert mixed.verification is None
    assert len(mixed.distractors) == 6
    assert (arena.distractors, arena.provenance.parents) == ([], [])


ALIKE = [PoolTool("cooking", make_tool(f"cook_{i}", (1, 1, 1))) for i in range(3)]
OWN = [PoolTool("travel", make_tool("tool_a", (1, 0, 0)))]


@pytest.mark.parametrize(
    "pool",
    [[], OWN, ALIKE, ALIKE[:1], [*OWN, *ALIKE], [PoolTool(" TRAVEL", each.tool) for each in wide_pool()]],
)
def test_an_arena_for_which_there_is_nothing_stays_as_it_is(pool):
    arena = make_arena("travel", [make_tool("tool_a", (1, 0, 0))])
    arena.verification = VerificationReport(passed=True)
    assert list(mix_in([arena], pool, ByDescription())) == [arena]


def test_the_arena_s_own_domain_takes_part_in_the_normalisation():
    arena = make_arena("travel", [make_tool("tool_a", (1, 0, 0))])
    cooks = [PoolTool("cooking", make_tool(f"cook_{i}", (i, 0, 0))) for i in (0, 5, 10)]
    sibling = PoolTool("travel", make_tool("tool_b", (20, 0, 0)))
    for pool, expected in ((cooks, [1, 1, 1]), ([*cooks, sibling], [0, 1, 2])):
        (bands,) = EmbeddedPool(pool, ByDescription()).candidates([arena], BandSettings())
        assert [len(bands[band]) for band in BANDS] == expected


def test_the_thresholds_can_be_moved():
    arena = make_arena("travel", [make_tool("tool_a", (1, 0, 0))])
    pool = EmbeddedPool(wide_pool(11), ByDescription())  # normalised 0, 0.1, ..., 1
    (bands,) = pool.candidates([arena], BandSettings(high=0.7, low=0.2))
    assert [len(bands[band]) for band in BANDS] == [3, 6, 2]


@pytest.mark.parametrize("wrong", [{"high": 1.1}, {"low": 0.9}, {"low": -0.1}, {"per_band": -1}])
def test_settings_that_are_no_bands_are_refused(wrong):
    with pytest.raises(ValueError, match="these are no bands"):
        BandSettings(**wrong)


def test_the_text_of_a_tool_is_its_openai_document():
    spec = ToolSpec(name="größe", description="Says “how tall”.", parameters={"type": "object"})
    text = '{"name": "größe", "description": "Says “how tall”.", "parameters": {"type": "object"}}'
    assert document_text(spec) == text


def test_no_embeddings_are_no_distractors():
    class Gone(ByDescription):
        def embed(self, texts):
            raise EmbeddingUnavailable("no server answers")

    with pytest.raises(EmbeddingUnavailable):
        list(mix_in([], wide_pool(), Gone()))
