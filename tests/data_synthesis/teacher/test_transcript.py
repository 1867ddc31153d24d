import asyncio
import json

import pytest
from pydantic import BaseModel

from data_synthesis.records import Seed
from data_synthesis.teacher.interface import Prompt, TeacherError
from data_synthesis.teacher.transcript import SHIPPED, BadTranscript, TranscriptTeacher


class Height(BaseModel):
    meters: int


def write(folder, question, exchanges, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    transcript = {"seed": {"question": question, "domain": "geography"}, "exchanges": exchanges}
    (folder / "transcript.json").write_text(json.dumps(transcript))


def ask(
    teacher, question="How tall is Arrel?", name="height", version="1", attempt=0, model=Height, **variables
):
    prompt = Prompt(name, version, {"question": question, **variables}, model, attempt=attempt)
    return asyncio.run(teacher.ask(prompt))


@pytest.fixture
def teacher(tmp_path):
    write(
        tmp_path / "arrel",
        "How tall is Arrel?",
        [
            {"prompt": "height/1", "replies": [{"meters": 2870}, {"meters": 2871}]},
            {"prompt": "height/2", "replies": [{"meters": 1}]},
            {"prompt": "node/1", "about": {"node": 1}, "replies": [{"meters": 10}]},
            {"prompt": "node/1", "about": {"node": 2}, "replies": [{"meters": 20}, {"meters": "tall"}]},
        ],
    )
    write(tmp_path / "besk", "How tall is Besk?", [{"prompt": "height/1", "replies": [{"meters": 3412}]}])
    return TranscriptTeacher(tmp_path)


def test_a_reply_belongs_to_its_question_prompt_version_subject_and_attempt(teacher):
    assert ask(teacher).meters == 2870
    assert ask(teacher, attempt=1).meters == 2871
    assert ask(teacher, version="2").meters == 1
    assert ask(teacher, "How tall is Besk?").meters == 3412
    assert ask(teacher, name="node", node=2, other="is not asked about").meters == 20


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"attempt": 2}, "height/1 attempt 2 about .*Arrel.*: 2 replies recorded"),
        ({"question": "How tall is Cant?"}, "height/1 attempt 0 about .*Cant.*: 0 exchanges"),
        ({"version": "3"}, "height/3"),
        ({"name": "node", "node": 3}, 'node/1 .*"node": 3'),
        ({"name": "node"}, "node/1"),
    ],
)
def test_a_question_without_a_recorded_reply_is_named(teacher, asked, named):
    with pytest.raises(TeacherError, match=f"no recorded reply to {named}"):
        ask(teacher, **asked)


def test_a_reply_that_does_not_fit_is_refused_by_field_and_counted(teacher):
    with pytest.raises(TeacherError, match="the recorded reply's `meters`: Input should be a valid integer"):
        ask(teacher, name="node", node=2, attempt=1)
    ask(teacher)
    assert teacher.usage() == {"asked": 2, "refused": 1}


def test_a_reply_that_does_not_fit_is_passed_over_within_its_attempt(tmp_path):
    cut_off, prose = {"$text": '{"meters": 28'}, {"$text": '{"meters": 2870} I hope that helps!'}
    replies = [cut_off, {"metres": 1}, {"meters": 2870}, prose, {"$text": '{"meters": 2871}'}, {"meters": 2}]
    write(tmp_path / "arrel", "How tall is Arrel?", [{"prompt": "height/1", "replies": replies}])
    teacher = TranscriptTeacher(tmp_path)
    assert [ask(teacher, attempt=attempt).meters for attempt in (0, 1, 2)] == [2870, 2871, 2]
    assert teacher.usage() == {"asked": 3, "refused": 3}
    assert ask(teacher).meters == 2870, "asked again, it is answered the same"
    with pytest.raises(TeacherError, match=r"attempt 3 about .*: 6 replies recorded"):
        ask(teacher, attempt=3)


def test_text_that_is_no_json_and_the_last_reply_is_an_error(tmp_path):
    exchanges = [{"prompt": "height/1", "replies": [{"meters": 1}, {"$text": "About 2871 m."}]}]
    write(tmp_path / "arrel", "How tall is Arrel?", exchanges)
    with pytest.raises(TeacherError, match=r"attempt 1 .*: the recorded reply's text: Invalid JSON"):
        ask(TranscriptTeacher(tmp_path), attempt=1)


def test_the_seeds_come_in_the_order_of_their_folders(teacher):
    assert teacher.seeds() == [
        Seed(question="How tall is Arrel?", domain="geography"),
        Seed(question="How tall is Besk?", domain="geography"),
    ]


def test_an_invented_question_is_known_from_the_reply_that_invents_it(tmp_path):
    seed = {"mode": "context", "domain": "geography", "context": "A hiker in the Arrel range."}
    invented = {"prompt": "decompose_context/1", "replies": [{"question": "How high am I?"}]}
    height = {"prompt": "height/1", "replies": [{"meters": 2871}]}
    exchanges = [invented, height, {"prompt": "merge_tool/1", "replies": [{"meters": 1}]}]
    write(tmp_path / "one", None, exchanges)
    path = tmp_path / "one" / "transcript.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": seed}))
    teacher = TranscriptTeacher(tmp_path)

    class Invented(BaseModel):
        question: str

    variables = {"seed": teacher.seeds()[0].id}
    prompt = Prompt("decompose_context", "1", variables, Invented)
    assert asyncio.run(teacher.ask(prompt)).question == "How high am I?"
    assert ask(teacher, "How high am I?").meters == 2871
    arena = "A hiker in the Arrel range.\n\nHow high am I?"
    assert ask(teacher, arena, "merge_tool").meters == 1, "an arena's question begins with the situation"


def test_a_file_stands_for_its_text(tmp_path):
    class Code(BaseModel):
        source: str
        lines: list[str]

    replies = [{"source": {"$file": "tool.py"}, "lines": ["a", {"$file": "tool.py"}]}]
    exchanges = [{"prompt": "code/1", "replies": replies}]
    write(tmp_path / "one", "?", exchanges, **{"tool.py": "def ü(): ..."})
    reply = ask(TranscriptTeacher(tmp_path), "?", "code", model=Code)
    assert (reply.source, reply.lines) == ("def ü(): ...", ["a", "def ü(): ..."])


@pytest.mark.parametrize(
    ("exchanges", "problem"),
    [
        ([{"prompt": "a/1", "replies": [1]}, {"prompt": "a/1", "replies": [2]}], "two exchanges answer a/1"),
        ([{"prompt": "a/1"}], r"field `exchanges\.0\.replies`: Field required"),
        (
            [{"prompt": "a/1", "replies": [{"$file": "gone.py"}]}],
            r"refers to gone\.py, which is not beside it",
        ),
        ([{"prompt": "a/1", "replies": [{"$text": {"b": 1}}]}], r"`\$text` must be text, not \{'b': 1\}"),
    ],
)
def test_a_bad_transcript_is_named(tmp_path, exchanges, problem):
    write(tmp_path / "bad", "?", exchanges)
    with pytest.raises(BadTranscript, match=rf"bad.transcript\.json.*{problem}"):
        TranscriptTeacher(tmp_path)


def test_a_folder_without_transcripts_is_an_error(tmp_path):
    with pytest.raises(BadTranscript, match="holds no transcript"):
        TranscriptTeacher(tmp_path)


def test_the_shipped_transcripts_say_that_they_were_written_by_hand():
    notes = [json.loads(path.read_text())["note"] for path in SHIPPED.glob("*/transcript.json")]
    assert len(notes) == len(TranscriptTeacher().seeds()) >= 14
    assert all(note.startswith("Written by hand") for note in notes)
