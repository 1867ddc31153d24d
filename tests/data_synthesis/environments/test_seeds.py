import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.environments import MODES, SeedPlan, read_seeds
from data_synthesis.records import Arena, BadRecord, write_records
from data_synthesis.teacher.procedural import make_arenas

TAXONOMY = {
    "forecast": {
        "daily": {"description": "Tomorrow's weather.", "examples": [{"query": "Rain?"}, {"query": "Snow?"}]},
        "warnings": {"description": "Storms and floods.", "examples": []},
    }
}


@pytest.fixture(scope="module")
def arenas() -> list[Arena]:
    return list(make_arenas(6, seed=4))


@pytest.fixture
def inputs(tmp_path, arenas) -> dict[str, Path]:
    """A file for each mode, some of them in upstream's field names."""
    lines = {
        "question": [
            {"question": "How far is Oslo?", "domain": "travel"},
            {"question": "Wo?", "language": "de"},
        ],
        "domain": [{"domain": "travel", "knowledge_corpus": ""}, {"domain": "bank"}],
        "context": [{"domain": "travel", "knowledge_corpus": "On a train to Oslo."}],
    }
    paths = {mode: tmp_path / f"{mode}.jsonl" for mode in lines}
    for mode, path in paths.items():
        path.write_text("".join(json.dumps(line) + "\n" for line in lines[mode]))
    paths["taxonomy"] = tmp_path / "weather.json"
    paths["taxonomy"].write_text(json.dumps(TAXONOMY))
    made = tmp_path / "arenas.jsonl"
    write_records(made, arenas)
    return paths | {mode: made for mode in MODES if mode.startswith("env_")}


def seeds(inputs, mode, **options):
    return list(read_seeds(SeedPlan(mode, inputs[mode], **options)))


def test_every_mode_makes_seeds_with_ids_of_their_own(inputs):
    for mode in MODES:
        made = seeds(inputs, mode, repeats=2)
        assert made
        assert len({seed.id for seed in made}) == len(made)
        assert {seed.mode for seed in made} == {mode}
        assert made == seeds(inputs, mode, repeats=2)
        assert all(seed.id == seed.content_id() for seed in made)


def test_a_domain_gives_a_seed_for_each_number_of_hops_in_the_file_s_order(inputs):
    made = seeds(inputs, "domain", min_hops=2, max_hops=4)
    assert [(s.domain, s.min_hops, s.max_hops) for s in made] == [
        (domain, hops, hops) for domain in ("travel", "bank") for hops in (2, 3, 4)
    ]
    assert {s.context for s in made} == {None}  # an empty corpus is none


def test_a_context_gives_a_range_of_hops_and_the_line_s_own_word_counts_first(inputs):
    (seed,) = seeds(inputs, "context", language="zh")
    assert (seed.context, seed.min_hops, seed.max_hops, seed.language) == ("On a train to Oslo.", 3, 5, "zh")
    assert [s.language for s in seeds(inputs, "question", language="zh")] == ["zh", "de"]


def test_a_taxonomy_gives_each_leaf_with_its_path_and_an_example(inputs):
    made = seeds(inputs, "taxonomy", repeats=2)
    assert [s.domain for s in made] == ["weather-forecast-daily"] * 2 + ["weather-forecast-warnings"] * 2
    shown = [json.loads(s.context or "") for s in made]
    assert [each.get("example_query") for each in shown] == ["Rain?", "Snow?", None, None]
    assert {(s.min_hops, s.max_hops) for s in made} == {(2, 2)}
    masked = seeds(inputs, "taxonomy", repeats=200, mask_examples=True)[:200]
    assert 0.3 < sum("example_query" not in (s.context or "") for s in masked) / 200 < 0.7


def test_existing_tools_are_asked_for_as_often_as_there_are(inputs, arenas):
    counts = Counter(s.provenance.parents[0] for s in seeds(inputs, "env_base", repeats=2))
    assert counts == {arena.id: 2 * len(arena.tools) for arena in arenas}
    assert seeds(inputs, "env_tool_name")[0].shown == [tool.name for tool in arenas[0].tools]
    shown = seeds(inputs, "env_call_state")[0].shown
    calls = [call for each in shown for call in each["calls"]]  # type: ignore[index]
    assert len(calls) == len(arenas[0].gold_calls)


def test_a_fifth_of_the_loose_ones_is_chinese(inputs):
    languages = Counter(s.language for s in seeds(inputs, "env_call_state_loose", repeats=50))
    assert 0.1 < languages["zh"] / languages.total() < 0.3
    assert {s.language for s in seeds(inputs, "env_call_state")} == {"en"}


@pytest.mark.parametrize(
    ("mode", "text", "named"),
    [
        ("question", '{"question": ""}\n', r"question\.jsonl:1: field `question`"),
        ("question", '{"question": "?"}\n{"quest', r"question\.jsonl:2: is not JSON"),
        ("domain", '{"knowledge_corpus": ""}\n', r"domain\.jsonl:1: field `domain`"),
        ("context", '{"domain": "bank", "knowledge_corpus": ""}\n', r"context\.jsonl:1: field `context`"),
        ("domain", '{"domain": "bank", "question": "?"}\n', r"domain\.jsonl:1: .* in mode `question` only"),
        ("context", '{"mode": "question", "question": "?"}\n', r"context\.jsonl:1: field `mode`"),
        ("env_base", '{"question": "?"}\n', r"arenas\.jsonl:1: field"),
        ("taxonomy", "[1]", r"weather\.json:1: is no taxonomy: expected an object, not list"),
        ("taxonomy", "{", r"weather\.json:1: is not JSON"),
    ],
)
def test_a_bad_line_is_named(inputs, mode, text, named):
    inputs[mode].write_text(text)
    with pytest.raises(BadRecord, match=named):
        seeds(inputs, mode)


def test_bad_lines_can_be_left_out(inputs):
    inputs["question"].write_text('{"question": 1}\n{"question": "Where?"}\n{"quest')
    bad: list[BadRecord] = []
    made = list(read_seeds(SeedPlan("question", inputs["question"]), rejects=bad))
    assert [seed.question for seed in made] == ["Where?"]
    assert [each.line for each in bad] == [1, 3]


@given(st.integers(-1, 6), st.integers(-1, 6), st.integers(-1, 3))
def test_a_plan_is_checked(fewest, most, repeats):
    sound = 1 <= fewest <= most and repeats >= 1
    try:
        SeedPlan("domain", Path("domains.jsonl"), min_hops=fewest, max_hops=most, repeats=repeats)
    except ValueError:
        assert not sound
    else:
        assert sound


def test_an_unknown_mode_names_those_there_are():
    with pytest.raises(ValueError, match="there is no mode 'zh_kb'; the modes are question, domain, context"):
        SeedPlan("zh_kb", Path("domains.jsonl"))
