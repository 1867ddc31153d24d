"""Arenas with invented nouns: provable, reproducible, and without a word of any built-in domain's own names."""

import builtins
import re

import pytest

from data_synthesis.arenas import oracle_trajectory, prove
from data_synthesis.teacher.procedural import DOMAINS, TRAINING, Options, invented_nouns, make_arenas

OPTIONS = Options(docs="brief", invented=1.0, missing_function=0.2, missing_parameter=0.2)


def made(count: int, **changes) -> list:
    return list(make_arenas(count, seed=5, domains=TRAINING, options=OPTIONS, **changes))


@pytest.mark.parametrize("docs", ["brief", "full"])
def test_every_domain_stays_provable_and_playable(sandbox, docs):
    options = Options(docs=docs, invented=1.0)
    for arena in make_arenas(2 * len(DOMAINS), seed=6, options=options):
        report = prove(arena, sandbox)
        assert report.passed, (arena.domain, report.reasons)
        oracle_trajectory(arena, sandbox)


def test_the_same_seed_gives_the_same_bytes_and_other_nouns_for_another_arena():
    first = made(28)
    assert [a.model_dump_json() for a in first] == [a.model_dump_json() for a in made(28)]
    names = {word for a in first for tool in a.tools for word in re.findall("[a-z]+", tool.name)}
    assert len(names & set(invented_nouns())) > 28


def test_nouns_of_the_domains_are_gone():
    for arena in made(28):
        nouns = {word for table in DOMAINS[arena.domain].tables for word in table.split("_")}
        own = " ".join([arena.question, *(tool.spec.model_dump_json() for tool in arena.tools)]).lower()
        left = nouns & set(re.findall("[a-z]+", own)) - set(dir(builtins))
        assert not left, (arena.domain, left)


def test_invented_nouns_are_many_and_clash_with_nothing_in_a_source():
    assert len(set(invented_nouns())) > 1000
    assert not set(invented_nouns()) & set(dir(builtins))
