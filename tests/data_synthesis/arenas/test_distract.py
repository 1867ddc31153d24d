"""A file of arenas gets distractors, and is proved again, as a whole or with reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from rich.console import Console

from data_synthesis.arenas.distract import distract_file
from data_synthesis.arenas.proof import prove
from data_synthesis.arenas.source import read_source
from data_synthesis.embedding import EmbeddingUnavailable
from data_synthesis.records import Arena, read_records, write_records
from data_synthesis.teacher.procedural import Options, make_arenas

OPTIONS = Options(docs="brief", siblings=(0, 0), distractors=(0, 0), max_sub_questions=2)
DOMAINS = ("flights", "hotels", "bank")


class Letters:
    """Counts letters: texts that look alike are near."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        counts = [[text.count(chr(letter)) for letter in range(97, 123)] for text in texts]
        vectors = np.array(counts, np.float32).reshape(len(texts), 26) + 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, quiet=False, file=open("/dev/null", "w"))


@pytest.fixture(scope="module")
def made() -> list[Arena]:
    return list(make_arenas(9, seed=3, domains=DOMAINS, options=OPTIONS))


@pytest.fixture
def path(made, tmp_path):
    write_records(tmp_path / "arenas.jsonl", made)
    return tmp_path / "arenas.jsonl"


def read(path) -> list[Arena]:
    return list(read_records(path, Arena))


def test_every_arena_gets_distractors_that_load_and_is_proved(path, tmp_path, made, sandbox, console):
    out = tmp_path / "mixed" / "arenas.jsonl"
    assert distract_file(path, out, sandbox, Letters(), console=console) == 0
    mixed = read(out)
    owners: dict[str, set[str]] = {}
    for arena in made:
        for tool in arena.tools:
            owners.setdefault(tool.name, set()).add(arena.domain)
    assert [arena.provenance.parents for arena in mixed] == [[arena.id] for arena in made]
    for arena in mixed:
        assert arena.verification is not None
        assert arena.verification.passed
        assert arena.id == arena.content_id()
        assert arena.distractors
        for tool in arena.distractors:
            assert read_source(tool.source, tool.name)
            assert arena.domain not in owners[tool.name]
    assert prove(mixed[0], sandbox).passed
    said = console.export_text()
    assert "9 of 9 arenas proved" in said
    assert [line.split("│")[1].strip() for line in said.splitlines() if line.startswith("│")] == [
        "high",
        "medium",
        "low",
    ]


def test_the_seed_decides(path, tmp_path, sandbox, console):
    outs = [tmp_path / f"{i}.jsonl" for i in range(3)]
    for out, seed in zip(outs, (1, 1, 2), strict=True):
        assert distract_file(path, out, sandbox, Letters(), seed=seed, console=console) == 0
    first, again, other = (out.read_bytes() for out in outs)
    assert first == again != other


def test_the_pool_can_be_other_files(path, tmp_path, made, sandbox, console):
    others = list(make_arenas(4, seed=9, domains=("museum", "library"), options=OPTIONS))
    for name, part in (("a", others[:2]), ("b", others[2:])):
        write_records(tmp_path / f"{name}.jsonl", part)
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    assert distract_file(path, tmp_path / "out.jsonl", sandbox, Letters(), pool=files, console=console) == 0
    allowed = {tool.name for arena in others for tool in arena.tools}
    taken = {tool.name for arena in read(tmp_path / "out.jsonl") for tool in arena.distractors}
    assert taken
    assert taken <= allowed


def test_a_tool_that_would_not_pass_the_proof_is_left_out(path, tmp_path, made, sandbox, console):
    bad = [arena.model_copy(deep=True) for arena in made]
    for arena in bad:
        for tool in arena.tools:
            tool.source += "\nimport time\n\nSTARTED = time.time()\n"
    write_records(tmp_path / "bad.jsonl", bad)
    pool = [tmp_path / "bad.jsonl"]
    assert distract_file(path, tmp_path / "out.jsonl", sandbox, Letters(), pool=pool, console=console) == 0
    assert [arena.id for arena in read(tmp_path / "out.jsonl")] == [arena.id for arena in made]
    said = console.export_text()
    assert "would not pass the proof, and are left out" in said
    assert "9 of 9 arenas get none" in said


def test_an_arena_that_is_not_proved_is_left_out_with_its_reason(path, tmp_path, made, sandbox, console):
    wrong = made[0].model_copy(deep=True)
    wrong.gold_calls[0].expected = "something else"
    write_records(path, [wrong, *made[1:]])
    with path.open("a") as file:
        file.write('{"question": \n')
    assert distract_file(path, tmp_path / "out.jsonl", sandbox, Letters(), console=console) == 1
    assert len(read(tmp_path / "out.jsonl")) == 8
    said = console.export_text()
    assert "gold_answer_missing" in said
    assert "8 of 10 arenas proved" in said


class Gone(Letters):
    def embed(self, texts):
        raise EmbeddingUnavailable("no server answers at http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedder": Gone()}, "cannot mix distractors into .*: no server answers at"),
        ({"pool": ["gone.jsonl"]}, "gone.jsonl"),
        ({"path": "gone.jsonl"}, "gone.jsonl"),
        ({"path": "empty.jsonl"}, "empty.jsonl: it holds no arena"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    path, tmp_path, sandbox, console, changes, message
):
    (tmp_path / "empty.jsonl").write_text("")
    pool = [tmp_path / each for each in changes.get("pool", ())]
    path = tmp_path / changes.get("path", path)
    out, embedder = tmp_path / "out.jsonl", changes.get("embedder", Letters())
    assert distract_file(path, out, sandbox, embedder, pool=pool, console=console) == 2
    said = [line for line in console.export_text().splitlines() if "cannot" in line]
    assert len(said) == 1
    assert re.search(message, said[0])
    assert not out.exists()
