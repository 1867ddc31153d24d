"""The procedural teacher answers every step of the pipeline, and its arenas come out proved."""

from __future__ import annotations

import asyncio

import pytest

from data_synthesis.environments import prompts, synthesise_arenas
from data_synthesis.records import Arena, Question, read_records
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.teacher.procedural import DOMAINS, Options, ProceduralTeacher, make_arenas


def test_its_questions_go_through_the_five_steps_to_the_arenas_they_came_from(sandbox, tmp_path):
    teacher = ProceduralTeacher(len(DOMAINS), seed=6)
    synthesise_arenas(teacher.questions(), teacher, sandbox, tmp_path)
    made = {arena.question: arena for arena in read_records(tmp_path / "arenas.jsonl", Arena)}
    for source in make_arenas(len(DOMAINS), seed=6):
        arena = made[source.question]
        assert arena.gold_calls == source.gold_calls
        assert arena.tools == source.tools
        assert arena.scenario == source.scenario
        assert arena.provenance.teacher == "procedural"
        assert arena.verification is not None
        assert arena.verification.passed


def test_it_knows_no_other_question():
    teacher = ProceduralTeacher(1, seed=6)
    prompt = prompts.decompose(Question(question="Who is the mayor of nowhere?"))
    with pytest.raises(TeacherError, match="no generated question"):
        asyncio.run(teacher.ask(prompt))
    assert teacher.usage() == {"asked": 1, "refused": 1}


def test_it_asks_in_one_message_only():
    options = Options(missing_function=0.5, missing_parameter=0.5)
    teacher = ProceduralTeacher(5, seed=6, options=options)
    assert len(teacher.questions()) == 5
