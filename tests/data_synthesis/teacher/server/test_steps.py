"""The five steps over HTTP: the recorded replies make the same arenas, and a weak model makes none, quietly."""

from __future__ import annotations

import json
import re

import pytest
from scripted_server import fails, says

from astra_jax.cli import main
from data_synthesis.environments import synthesise_arenas
from data_synthesis.records import Arena, read_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.server import ServerSettings, ServerTeacher
from data_synthesis.teacher.transcript import TranscriptTeacher

QUESTIONS = 6


class Recorder(TranscriptTeacher):
    """Remembers the words of each question beside its recorded answer."""

    def __init__(self):
        super().__init__()
        self.answers: dict[str, str] = {}

    async def ask(self, prompt):
        reply = await super().ask(prompt)
        self.answers[prompt.text()] = reply.model_dump_json()
        return reply


@pytest.fixture(scope="module")
def sandbox():
    with LocalSandbox() as opened:
        yield opened


def content(path) -> list[dict]:
    """Arenas but for who was asked, which is in each id's provenance only."""
    return [arena.model_dump(exclude={"provenance"}) for arena in read_records(path, Arena)]


def test_recorded_replies_over_http_make_the_same_arenas(server, sandbox, tmp_path):
    recorder = Recorder()
    questions = recorder.seeds()[:QUESTIONS]
    synthesise_arenas(questions, recorder, sandbox, tmp_path / "recorded")

    def answer(handler):
        says(recorder.answers.get(handler.body["messages"][0]["content"], "I do not know."))(handler)

    server.script[:] = [answer]
    settings = ServerSettings("small", (server.url,), concurrency=4)
    teacher = ServerTeacher(settings, tmp_path / "teacher.sqlite")
    funnel = synthesise_arenas(questions, teacher, sandbox, tmp_path / "served")
    assert content(tmp_path / "served" / "arenas.jsonl") == content(tmp_path / "recorded" / "arenas.jsonl")
    assert funnel.outputs >= 3
    usage = teacher.usage()
    assert sum(counts["requests"] for counts in usage.values()) == len(server.bodies)


def test_a_weak_model_ends_with_no_arena_and_a_funnel_that_says_why(server, tmp_path, capsys):
    server.script[:] = [says("I am not sure, but I think so!")]
    code, shown = synth(server, tmp_path, capsys)
    assert code == 1
    assert "0 proved arenas" in shown
    funnel = json.loads((tmp_path / "out" / "funnel.json").read_text())
    assert funnel["stages"][0]["failed"] == {"teacher_error": 2}
    (line, _) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert "no valid answer in 3" in json.loads(line)["detail"]
    assert re.search(r"all\W+12\W+12", shown), "two questions, twice each, three answers a time, all refused"


def test_a_server_that_is_not_there_is_one_sentence(server, tmp_path, capsys):
    server.script[:] = [fails(500)]
    code, shown = synth(server, tmp_path, capsys, "--config.server.base_urls=('http://127.0.0.1:9/v1',)")
    assert code == 2
    assert "no server answers at http://127.0.0.1:9/v1" in shown
    assert "Traceback" not in shown


def synth(server, tmp_path, capsys, *flags: str) -> tuple[int, str]:
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(f'{{"question": "How tall is number {n}?"}}\n' for n in range(2)))
    code = main(
        [
            "synth",
            "arenas",
            "--config=configs/synth/arenas_sglang.py",
            f"--config.seeds.path={questions}",
            f"--config.out_dir={tmp_path / 'out'}",
            "--config.server.model=small",
            f"--config.server.base_urls=('{server.url}',)",
            *flags,
        ]
    )
    captured = capsys.readouterr()
    return code, captured.out + captured.err
