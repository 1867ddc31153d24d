"""The real SGLang, on a CPU, with a model too weak for the work: typed answers, typed failures, and nothing else."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, ConfigDict, Field
from real_server import INSTALLED, MODEL, ROOT, serving

from astra_jax.cli import main
from data_synthesis.arenas import schema
from data_synthesis.environments import Settings, replies, synthesise_arenas
from data_synthesis.environments.node import Budget
from data_synthesis.records import Arena, read_records
from data_synthesis.teacher.interface import Prompt, TeacherError, TeacherGone
from data_synthesis.teacher.server import ServerSettings, ServerTeacher
from data_synthesis.teacher.transcript import TranscriptTeacher

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not INSTALLED, reason="SGLang is not installed: `make sglang-cpu`"),
]

SETTLED_SECONDS = 600.0  # that whatever is asked may take in all: a minute on two idle cores
MOST_TOKENS = 120

REPLIES = sorted(
    (
        model
        for _, model in inspect.getmembers(replies, inspect.isclass)
        if issubclass(model, replies.Reply) and model is not replies.Reply
    ),
    key=lambda model: model.__name__,
)


class Verdict(BaseModel):
    """Every value is bounded, so that no model can write for ever."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["matched", "missing", "redundant"]
    certain: bool
    score: int = Field(ge=1, le=10)
    parts: list[Literal["name", "place", "date"]] = Field(min_length=1, max_length=3)


@pytest.fixture(scope="module")
def sglang(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sglang") / "server.log") as server:
        yield server


@pytest.fixture
def make_teacher(sglang, tmp_path):
    def make(**settings) -> ServerTeacher:
        return teacher_of(sglang, tmp_path / "teacher.sqlite", **settings)

    return make


def teacher_of(server, ledger, **settings) -> ServerTeacher:
    usual = {"base_urls": (server.url,), "max_tokens": MOST_TOKENS, "attempts": 1, "deadline_s": 300.0}
    return ServerTeacher(ServerSettings(**{"model": MODEL, **usual, **settings}), ledger)


def question(number: int = 0, model: type[BaseModel] = Verdict) -> Prompt:
    words = "Is tower $number in Besk taller than its neighbour? Judge, and answer in JSON."
    return Prompt(model.__name__, "1", {"number": number}, model, template=words)


def ask(teacher: ServerTeacher, *prompts: Prompt) -> list:
    """Replies and errors in order, once all are settled."""

    async def all_of():
        async with teacher, asyncio.timeout(SETTLED_SECONDS):
            return await asyncio.gather(*map(teacher.ask, prompts), return_exceptions=True)

    return asyncio.run(all_of())


def total(teacher: ServerTeacher, count: str) -> int:
    return sum(counts[count] for counts in teacher.usage().values())


@pytest.fixture(scope="module")
def settled(sglang, tmp_path_factory):
    """One answer in each form that the steps ask for, all asked for at once; and what the ledger says of it."""
    teacher = teacher_of(sglang, tmp_path_factory.mktemp("ledger") / "teacher.sqlite")
    outcomes = ask(teacher, *(question(model=model) for model in REPLIES))
    return dict(zip(REPLIES, outcomes, strict=True)), teacher.usage()


@pytest.mark.parametrize("model", REPLIES, ids=lambda model: model.__name__)
def test_the_server_takes_every_schema_and_what_it_ends_validates(settled, model):
    outcomes, usage = settled
    outcome, counts = outcomes[model], usage[model.__name__]
    if isinstance(outcome, TeacherError):
        assert f"cut off after {MOST_TOKENS} tokens" in str(outcome)
        assert (counts["refused"], counts["output_tokens"]) == (1, MOST_TOKENS)
    else:
        assert isinstance(outcome, model)
        assert (counts["refused"], counts["requests"]) == (0, 1)


def test_answers_that_must_end_validate_however_many_are_asked_for_at_once(make_teacher):
    teacher = make_teacher()
    assert [type(reply) for reply in ask(teacher, *map(question, range(8)))] == [Verdict] * 8
    assert (total(teacher, "requests"), total(teacher, "refused")) == (8, 0)


def test_an_answer_is_kept_and_its_tokens_are_those_the_server_counted(sglang, make_teacher):
    (reply,) = ask(make_teacher(), question())
    gone = make_teacher(base_urls=("http://127.0.0.1:9/v1",))
    assert ask(gone, question()) == [reply], "nobody is asked again"
    assert total(gone, "requests") == 1
    messages = [{"role": "user", "content": question().text()}]
    counted = client(sglang).chat.completions.create(model=MODEL, messages=messages, max_tokens=1)
    assert total(gone, "input_tokens") == counted.usage.prompt_tokens
    assert 0 < total(gone, "output_tokens") <= MOST_TOKENS


def test_a_wrong_model_is_one_sentence(sglang, make_teacher, tmp_path, capsys):
    (gone,) = ask(make_teacher(model="large"), question())
    assert isinstance(gone, TeacherGone)
    assert f"does not serve 'large', only {MODEL}" in str(gone)
    assert main(synth(sglang, tmp_path, "--config.server.model=large")) == 2
    assert f"does not serve 'large', only {MODEL}" in " ".join(capsys.readouterr().err.split())


def test_a_question_too_long_for_the_model_is_refused_in_the_servers_words(make_teacher):
    (refused,) = ask(make_teacher(), Prompt("long", "1", {}, Verdict, template="and " * 9000))
    assert isinstance(refused, TeacherError)
    assert "longer than the model's context length" in str(refused)


def test_a_server_that_stands_still_costs_one_deadline_and_answers_afterwards(sglang, make_teacher):
    async def run():
        async with make_teacher(patience=0) as teacher:
            await teacher.ask(question(0))
            patient, teacher.settings = teacher.settings, replace(teacher.settings, deadline_s=1.0)
            sglang.signal(signal.SIGSTOP)
            try:
                with pytest.raises(TeacherError, match="did not answer within 1 s"):
                    await teacher.ask(question(1))
            finally:
                sglang.signal(signal.SIGCONT)
            teacher.settings = patient
            return await teacher.ask(question(1))

    assert isinstance(asyncio.run(run()), Verdict)


def test_a_server_that_is_killed_in_the_middle_ends_every_question(tmp_path):
    async def kill_once_busy(server, asked):
        while not server.busy() and not all(task.done() for task in asked):
            await asyncio.sleep(0.05)
        server.signal(signal.SIGKILL)

    async def run(server):
        endless = {"max_tokens": 4096, "answer": "text", "extra_body": {"ignore_eos": True}}
        teacher = teacher_of(server, tmp_path / "teacher.sqlite", patience=1, backoff_s=0.1, **endless)
        async with teacher, asyncio.timeout(SETTLED_SECONDS):
            asked = [asyncio.create_task(teacher.ask(question(n))) for n in range(8)]
            await kill_once_busy(server, asked)
            return await asyncio.gather(*asked, return_exceptions=True)

    with serving(tmp_path / "server.log") as server:
        outcomes = asyncio.run(run(server))
    assert [type(outcome) for outcome in outcomes] == [TeacherError] * 8
    assert all("does not answer" in str(outcome) for outcome in outcomes)


def client(server) -> Any:  # an `openai.OpenAI`, whose many kinds of message the tests need not tell apart
    return openai.OpenAI(base_url=server.url, api_key="none", timeout=300.0, max_retries=0)


WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city on one of the next days.",
    "strict": True,  # without it, SGLang lets any JSON through as arguments
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "enum": ["Paris", "Rome", "Oslo"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "hourly": {"type": "boolean"},
        },
        "required": ["city", "days", "hourly"],
        "additionalProperties": False,
    },
}
CLOCK = {
    "name": "get_time",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"zone": {"type": "string", "enum": ["CET", "UTC"]}},
        "required": ["zone"],
        "additionalProperties": False,
    },
}


NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([WEATHER], NAMED),
        # Where there are more, SGLang 0.5.23 with this parser forces a call, but not the one that is named.
        ([WEATHER, CLOCK], "required"),
    ],
    ids=["one", "any"],
)
def test_a_tool_call_that_is_forced_fits_the_tools_schema(sglang, tools, choice):
    completion = client(sglang).chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What will the weather be in Paris tomorrow?"}],
        tools=[{"type": "function", "function": tool} for tool in tools],
        tool_choice=choice,
        max_tokens=200,
        temperature=0.0,
    )
    parameters = {tool["name"]: tool["parameters"] for tool in tools}
    call, *_ = completion.choices[0].message.tool_calls
    assert call.id
    assert schema.problems(json.loads(call.function.arguments), parameters[call.function.name]) == []


def synth(server, folder, *flags: str) -> list[str]:
    """Arguments of `astra` that take three questions through the steps."""
    questions = folder / "questions.jsonl"
    questions.write_text("".join(f'{{"question": "How tall is tower {n} in Besk?"}}\n' for n in range(3)))
    return [
        "synth",
        "arenas",
        "--config=configs/synth/arenas_sglang.py",
        f"--config.seeds.path={questions}",
        f"--config.out_dir={folder / 'out'}",
        f"--config.server.model={MODEL}",
        f"--config.server.base_urls=('{server.url}',)",
        f"--config.server.max_tokens={MOST_TOKENS}",
        "--config.server.attempts=1",
        *flags,
    ]


def test_the_whole_pipeline_ends_and_says_where_each_question_went(sglang, tmp_path):
    program = "import sys; from astra_jax.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *synth(sglang, tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SETTLED_SECONDS)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    arenas = list(read_records(tmp_path / "out" / "arenas.jsonl", Arena))
    assert done.returncode == (0 if arenas else 1)
    assert_all_accounted_for(tmp_path / "out", 3, len(arenas))


@pytest.mark.parametrize(("before", "step"), [("necessity", "verify"), ("cut", "synthesise")])
def test_a_later_step_is_asked_of_it_too(before, step, sglang, sandbox, tmp_path):
    recorded = TranscriptTeacher()
    synthesise_arenas(recorded.seeds()[:2], recorded, sandbox, tmp_path, to_step=before)
    settings = Settings(
        attempts=1, minimum_score=0.0, budget=Budget(answers=3, documents=1, calls=1, codes=1)
    )
    teacher = teacher_of(sglang, tmp_path / "teacher.sqlite")
    funnel = synthesise_arenas((), teacher, sandbox, tmp_path, from_step=step, settings=settings)
    assert total(teacher, "requests") > 0
    assert_all_accounted_for(tmp_path, 2, funnel.outputs)


def assert_all_accounted_for(folder, questions: int, arenas: int) -> None:
    """What goes into a step comes out, or is among the rejects with a reason and a detail."""
    stages = json.loads((folder / "funnel.json").read_text())["stages"]
    entering = questions
    for stage in stages:
        lost = Counter(stage["rejected"]) + Counter(stage["failed"])
        assert stage["inputs"] == entering == stage["outputs"] + lost.total()
        assert "unexpected_error" not in lost
        entering = stage["outputs"]
    assert entering == arenas
    rejects = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    assert len(rejects) == questions - arenas
    assert all(reject["reason"] and reject["detail"] for reject in rejects)
