"""Properties of generated arenas: reproducible, provable, well formed, and hard to guess."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.arenas.proof import prove, prove_all
from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.environments import graph
from data_synthesis.records import Arena
from data_synthesis.teacher.procedural import DOMAINS, HELD_OUT, TRAINING, Options, make_arena, make_arenas
from data_synthesis.teacher.procedural.options import SUB_QUESTIONS

SCENARIOS = list(SUB_QUESTIONS)
VARIANTS = Options(missing_function=0.4, missing_parameter=0.4)

anything = st.tuples(
    st.sampled_from(sorted(DOMAINS)),
    st.integers(0, 2**62),
    st.sampled_from(["full", "brief"]),
    st.sampled_from([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]),
)


def draw(domain: str, seed: int, docs, shares) -> Arena:
    return make_arena(
        domain, seed, Options(docs=docs, missing_function=shares[0], missing_parameter=shares[1])
    )


def digest(count: int, seed: int) -> str:
    text = "\n".join(arena.model_dump_json() for arena in make_arenas(count, seed=seed, options=VARIANTS))
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    code = f"import sys, runpy; print(runpy.run_path({__file__!r})['digest'](60, 5))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == digest(60, 5)


def test_another_seed_gives_other_arenas():
    one, other = ({arena.id for arena in make_arenas(60, seed=seed)} for seed in (1, 2))
    assert len(one) == len(other) == 60
    assert not one & other


@pytest.mark.parametrize("docs", ["full", "brief"])
@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_every_domain_makes_every_scenario_and_variant_and_all_are_proved(domain, docs, sandbox):
    for seed, scenario in enumerate(SCENARIOS):
        shares = {0: {}, 1: {"missing_function": 1.0}, 2: {"missing_parameter": 1.0}}[seed % 3]
        arena = make_arena(domain, seed, Options(docs=docs, scenarios={scenario: 1.0}, **shares))
        assert arena.scenario == scenario
        assert arena.variant == (next(iter(shares)) if shares else "base")
        assert prove(arena, sandbox).reasons == [], arena.question


@pytest.mark.slow
@pytest.mark.parametrize("docs", ["full", "brief"])
def test_a_thousand_arenas_are_proved(docs, sandbox):
    options = Options(docs=docs, missing_function=0.15, missing_parameter=0.15)
    for arena in prove_all(make_arenas(1000, seed=11, options=options), sandbox):
        assert arena.verification is not None
        assert arena.verification.reasons == [], arena.question


@given(anything)
@settings(max_examples=150, deadline=None)
def test_gold_calls_form_the_graph_that_the_scenario_names(drawn):
    arena = draw(*drawn)
    gold_calls = {gold.id: gold for gold in arena.gold_calls}
    assert list(gold_calls) == list(range(1, len(gold_calls) + 1))
    low, high = SUB_QUESTIONS[arena.scenario]
    assert low <= len(gold_calls) <= high
    assert all(parent < gold.id for gold in arena.gold_calls for parent in gold.depends_on)
    assert graph.scenario({gold.id: gold.depends_on for gold in arena.gold_calls}) == arena.scenario


@given(anything)
@settings(max_examples=150, deadline=None)
def test_each_argument_was_said_or_is_the_output_of_a_parent_and_never_both(drawn):
    """What makes a hop a hop: the value is not in the question, and it is what the parent call returned."""
    arena = draw(*drawn)
    said = " ".join([arena.question, *(follow_up.content for follow_up in arena.follow_ups)])
    gold_calls = {gold.id: gold for gold in arena.gold_calls}
    for gold in arena.gold_calls:
        results = [gold_calls[parent].expected for parent in gold.depends_on]
        assert all(result in gold.arguments.values() for result in results)
        for name, value in gold.arguments.items():
            is_unit = name in ("unit", "currency")
            assert (value in results) != (is_unit or contains_answer(said, value)), (name, said)


@given(anything)
@settings(max_examples=150, deadline=None)
def test_the_user_never_says_an_answer(drawn):
    arena = draw(*drawn)
    for text in (arena.question, *(follow_up.content for follow_up in arena.follow_ups)):
        assert not [gold.expected for gold in arena.gold_calls if contains_answer(text, gold.expected)]


@given(anything)
@settings(max_examples=150, deadline=None)
def test_tools_have_unique_names_and_cover_the_gold_calls(drawn):
    arena = draw(*drawn)
    names = [tool.name for tool in [*arena.tools, *arena.distractors]]
    assert len(set(names)) == len(names)
    assert {gold.tool for gold in arena.gold_calls} == {tool.name for tool in arena.tools}
    for gold in arena.gold_calls:
        spec = next(tool.spec for tool in arena.tools if tool.name == gold.tool)
        required, known = spec.parameters["required"], spec.parameters["properties"]
        assert set(required) <= set(gold.arguments) <= set(known)  # type: ignore[arg-type]


@given(st.sampled_from(sorted(DOMAINS)), st.integers(0, 2**62))
@settings(max_examples=150, deadline=None)
def test_brief_arenas_name_what_they_ask_by_the_words_of_the_tool(domain, seed):
    arena = make_arena(domain, seed, Options(docs="brief"))
    assert len(arena.question.split()) <= 50
    for tool in [*arena.tools, *arena.distractors]:
        assert len(json.dumps(tool.spec.openai())) < 280
    lookups = {lookup.stem: lookup for lookup in DOMAINS[domain].lookups}
    for tool in arena.tools:
        label = lookups[tool.name.split("_", 1)[1]].asked.label
        assert all(word in arena.question for word in label.split()), (label, arena.question)


def test_a_missing_function_is_withheld_until_the_follow_up():
    for arena in make_arenas(40, seed=3, options=Options(missing_function=1.0)):
        assert arena.variant == "missing_function"
        (follow_up,) = arena.follow_ups
        assert set(follow_up.reveals) <= {gold.tool for gold in arena.gold_calls}


def test_a_missing_parameter_is_said_in_the_follow_up_only():
    for arena in make_arenas(40, seed=3, options=Options(missing_parameter=1.0)):
        assert arena.variant == "missing_parameter"
        (follow_up,) = arena.follow_ups
        values = [v for gold in arena.gold_calls for v in gold.arguments.values() if isinstance(v, str)]
        told = {value for value in values if value in follow_up.content}
        assert told
        assert not [value for value in told if value in arena.question]


def test_questions_are_worded_in_many_ways():
    """With every name, number and code masked, nearly all questions still differ."""
    arenas = list(make_arenas(900, seed=2))
    skeletons = {re.sub(r"[A-Z][\w-]*|\d\S*|\"[^\"]*\"", "_", arena.question) for arena in arenas}
    assert len(skeletons) > 0.85 * len(arenas)
    openings = {" ".join(arena.question.split()[:3]) for arena in arenas}
    assert len(openings) > 100


def test_siblings_of_the_same_domain_are_often_offered():
    arenas = list(make_arenas(100, seed=8, options=Options(distractors=(0, 0))))
    assert all(1 <= len(arena.distractors) <= 3 for arena in arenas)


def test_tables_are_fresh_in_every_arena():
    first, second = (make_arena("flights", seed, Options(distractors=(0, 0))) for seed in (1, 2))
    values = [
        {v for g in arena.gold_calls for v in map(str, [*g.arguments.values(), g.expected])}
        for arena in (first, second)
    ]
    assert not values[0] & values[1]


def test_held_out_domains_share_neither_tables_nor_tools_with_training():
    assert set(HELD_OUT) | set(TRAINING) == set(DOMAINS)
    assert not set(HELD_OUT) & set(TRAINING)
    assert 3 <= len(HELD_OUT) <= 4
    options = Options(docs="brief", distractors=(2, 4))
    held_out = list(make_arenas(80, seed=1, domains=HELD_OUT, options=options))
    training = list(make_arenas(280, seed=1, domains=TRAINING, options=options))
    questions = [{arena.question for arena in arenas} for arenas in (held_out, training)]
    assert not questions[0] & questions[1]
    own = {lookup.stem for name in HELD_OUT for lookup in DOMAINS[name].lookups}
    theirs = {lookup.stem for name in TRAINING for lookup in DOMAINS[name].lookups}
    shown = {tool.name.split("_", 1)[1] for arena in training for tool in [*arena.tools, *arena.distractors]}
    assert shown <= theirs
    assert not shown & (own - theirs)


def test_seeds_do_not_overlap():
    seeds = [{a.provenance.seed for a in make_arenas(50, seed=seed)} for seed in (0, 1, 2)]
    assert len(set.union(*seeds)) == 150


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scenarios": {"triple_hop": 1.0}}, "unknown scenario 'triple_hop'"),
        ({"max_sub_questions": 9}, "within 1 to 6"),
        ({"min_sub_questions": 4, "max_sub_questions": 3}, "within 1 to 6"),
        ({"missing_function": 0.7, "missing_parameter": 0.7}, "sum must not exceed 1"),
        ({"scenarios": {"single_hop": 1.0}, "min_sub_questions": 2}, "no scenario"),
    ],
)
def test_impossible_options_are_refused_by_name(fields, message):
    with pytest.raises(ValueError, match=message):
        Options(**fields)


def test_an_unknown_domain_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match="no domain 'bakery': choose among bank"):
        make_arena("bakery", 1)


def test_the_guide_s_domain_works_as_printed(monkeypatch, sandbox):
    guide = (Path(__file__).parents[3] / "docs" / "synthesis" / "procedural.md").read_text()
    (source,) = re.findall(r"```python domain\n(.*?)```", guide, flags=re.DOTALL)
    namespace: dict = {}
    exec(compile(source, "guide", "exec", dont_inherit=True), namespace)
    monkeypatch.setitem(DOMAINS, "zoo", namespace["DOMAIN"])
    for seed, scenario in enumerate(SCENARIOS):
        arena = make_arena("zoo", seed, Options(scenarios={scenario: 1.0}))
        assert prove(arena, sandbox).reasons == [], arena.question
