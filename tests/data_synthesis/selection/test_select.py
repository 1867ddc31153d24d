from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from small_arenas import SHAPES, arena_of
from small_benchmarks import FERRY, write_bfcl

from data_synthesis.arenas import read_arenas, write_rl_rows
from data_synthesis.embedding import EmbeddingUnavailable
from data_synthesis.records import Arena
from data_synthesis.selection import PAPER_MIX, select, select_file
from data_synthesis.selection.mix import mix_of

Write = Callable[..., Path]

EVEN = mix_of(dict.fromkeys(SHAPES, 1))


def question(number: int) -> str:
    """Questions without a word in common."""
    return " ".join(f"{letter}{number}{letter}" * 3 for letter in "abcdef")


def four_of_each(count: int = 4) -> list[Arena]:
    return [
        arena_of(question(4 * turn + place), scenario, domain=f"domain {turn % 2}")
        for turn in range(count)
        for place, scenario in enumerate(SHAPES)
    ]


def rejects_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.with_name(f"{out.stem}.rejects.jsonl").read_text().splitlines()]


def check(arenas: Path, out: Path) -> tuple[list[Arena], list[dict]]:
    """Every arena of the file is in one of the two files, in its order."""
    all_ids = [arena.id for arena in read_arenas(arenas)]
    kept, rejects = list(read_arenas(out)), rejects_of(out)
    kept_ids, rejected_ids = [arena.id for arena in kept], [each["input_id"] for each in rejects]
    assert sorted(kept_ids + rejected_ids) == sorted(all_ids)
    for ids in (kept_ids, rejected_ids):
        assert ids == sorted(ids, key=all_ids.index)
    return kept, rejects


def test_an_arena_goes_for_the_first_reason_there_is(tmp_path, arenas_file: Write, printed):
    write_bfcl(tmp_path / "bench")
    arenas = arenas_file(
        arena_of("Never proved.", proved=None),
        arena_of("Not passed.", proved=False),
        FERRY,
        "Which tram goes to the museum of glass in the old town?",
        "Which tram goes to the museum of glass in the old town??",
        *four_of_each(2),
    )
    out = tmp_path / "out.jsonl"
    status = select_file(
        arenas, out, mix=EVEN, size=4, benchmarks=[f"bfcl={tmp_path / 'bench'}"], console=printed.console
    )
    assert status == 0, str(printed)
    kept, rejects = check(arenas, out)
    assert Counter(arena.scenario for arena in kept) == dict.fromkeys(SHAPES, 1)
    assert [(each["stage"], each["reason"]) for each in rejects[:3]] == [
        ("proved", "not_proved"),
        ("proved", "not_proved"),
        ("decontaminate", "contaminated"),
    ]
    assert rejects[0]["detail"] == "it was never proved"
    assert Counter(each["reason"] for each in rejects) == {
        "not_proved": 2,
        "contaminated": 1,
        "near_duplicate": 1,
        "over_mix": 5,
    }
    [repeat] = [each for each in rejects if each["reason"] == "near_duplicate"]
    first = list(read_arenas(arenas))[3]
    assert repeat["detail"] == f"jaccard 1.000 with arena {first.id}"
    text = str(printed)
    assert "checked against bfcl (" in text
    assert "not_proved 2" in text
    assert "over_mix 5" in text
    assert f"4 arenas in {out}, 9 in {tmp_path / 'out.rejects.jsonl'}" in text


def test_what_is_not_compared_is_said(tmp_path, arenas_file: Write, printed, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arenas = arenas_file(*four_of_each())
    names = ["bfcl", "tau2", "acebench"]
    assert select_file(arenas, tmp_path / "out.jsonl", benchmarks=names, console=printed.console) == 0
    assert "not checked against bfcl (neither bfcl-eval nor nvidia-bfcl is installed), tau2 (" in str(printed)
    assert "decontaminate" not in str(printed)
    assert select_file(arenas, tmp_path / "out.jsonl", console=printed.console) == 0
    assert "not checked against any benchmark: none was named" in str(printed)


def test_without_a_mix_everything_that_is_no_repeat_is_taken(tmp_path, arenas_file: Write, printed):
    arenas, out = arenas_file(*four_of_each()), tmp_path / "out.jsonl"
    assert select_file(arenas, out, console=printed.console) == 0
    assert out.read_bytes() == arenas.read_bytes()
    assert rejects_of(out) == []


def test_the_largest_selection_says_what_bounds_it(tmp_path, arenas_file: Write, printed):
    arenas, out = arenas_file(*four_of_each(3), arena_of("One more.", "multi_hop")), tmp_path / "out.jsonl"
    assert select_file(arenas, out, mix=EVEN, console=printed.console) == 0
    kept, _ = check(arenas, out)
    assert Counter(arena.scenario for arena in kept) == {**dict.fromkeys(SHAPES, 3), "multi_hop": 3}
    assert "13 would need 4 `single_hop` arenas, and 3 are left" in str(printed)


@pytest.mark.parametrize("mix", [EVEN, None])
def test_a_size_that_cannot_be_had_writes_nothing_and_says_why(tmp_path, arenas_file: Write, printed, mix):
    arenas, out = arenas_file(*four_of_each()), tmp_path / "out.jsonl"
    assert select_file(arenas, out, mix=mix, size=40, console=printed.console) == 2
    assert not list(tmp_path.glob("out*"))
    assert "the largest such selection has 16 arenas" in str(printed)
    assert ("40 would need 10 `multi_hop` arenas, and 4 are left" in str(printed)) == (mix is not None)


def test_the_same_seed_selects_the_same_and_sizes_are_met(tmp_path, arenas_file: Write, printed):
    arenas, out = arenas_file(*four_of_each(10)), tmp_path / "out.jsonl"

    def selected(seed: int) -> bytes:
        assert select_file(arenas, out, mix=PAPER_MIX, size=20, seed=seed, console=printed.console) == 0
        assert len(check(arenas, out)[0]) == 20
        return out.read_bytes()

    assert selected(1) == selected(1) != selected(2)


def test_an_arena_counts_by_its_shape_not_by_what_it_says(tmp_path, arenas_file: Write, printed):
    arena = arena_of(question(0), {1: [], 2: [1]}, scenario="single_hop")
    only_multi_hop = mix_of({"multi_hop": 1})
    assert (
        select_file(arenas_file(arena), tmp_path / "out.jsonl", mix=only_multi_hop, console=printed.console)
        == 0
    )


def test_variants_of_one_question_are_not_repeats(tmp_path, arenas_file: Write, printed):
    base = arena_of(question(0))
    fields = {"variant": "missing_function", "follow_ups": [{"content": "Now.", "reveals": ["look_up"]}]}
    arenas, out = arenas_file(base, arena_of(question(0), **fields), base), tmp_path / "out.jsonl"
    assert select_file(arenas, out, console=printed.console) == 0
    assert [arena.variant for arena in read_arenas(out)] == ["base", "missing_function"]


class ByFirstWord:
    """Texts that begin with the same word mean the same."""

    name = "first-word"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        words = [sum(map(ord, text.split()[0])) for text in texts]
        angles = np.array(words, dtype=np.float32) * 0.7
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_an_embedder_finds_what_shingles_do_not(tmp_path, arenas_file: Write, printed):
    arenas, out = (
        arenas_file("Book a ferry now.", "Book something to cross the bay.", "Cancel it."),
        tmp_path / "o.jsonl",
    )
    assert select_file(arenas, out, embedder=ByFirstWord(), console=printed.console) == 0
    assert [arena.question for arena in read_arenas(out)] == ["Book a ferry now.", "Cancel it."]
    [repeat] = rejects_of(out)
    assert (repeat["stage"], repeat["reason"]) == ("embedding", "near_duplicate")
    assert repeat["detail"].startswith("cosine 1.000 with arena ")
    assert select_file(arenas, out, near=None, console=printed.console) == 0
    assert rejects_of(out) == []


def test_an_embedder_that_is_gone_ends_it_with_its_sentence(tmp_path, arenas_file: Write, printed):
    class Gone(ByFirstWord):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            raise EmbeddingUnavailable("http://gpu-1:30000 does not answer")

    arenas, out = arenas_file("Book a ferry now."), tmp_path / "out.jsonl"
    assert select_file(arenas, out, embedder=Gone(), console=printed.console) == 2
    assert "http://gpu-1:30000 does not answer" in str(printed)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"size": 0}, "a size of 0 selects nothing"),
        ({"near": 1.5}, "above 0 and at most 1, not 1.5"),
        ({"benchmarks": ["toolbench"]}, "there is no benchmark `toolbench`"),
        ({"mix": mix_of({"multi_hop": 1})}, "1 would need 1 `multi_hop` arenas, and 0 are left"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    tmp_path, arenas_file: Write, printed, fields: dict, problem: str
):
    out = tmp_path / "out.jsonl"
    assert select_file(arenas_file("Book a ferry now."), out, console=printed.console, **fields) == 2
    assert problem in str(printed)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        ("", "it holds no arena"),
        ('{"question": "Which', "arenas.jsonl:1: is not JSON"),
        ('{"question": "Which?"}', "field `tools`"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, printed, content: str | None, problem: str):
    path = tmp_path / "arenas.jsonl"
    if content is not None:
        path.write_text(content)
    assert select_file(path, tmp_path / "out.jsonl", console=printed.console) == 2
    assert problem in str(printed)


def test_a_file_of_benchmark_prompts_leaves_nothing(tmp_path, arenas_file: Write, printed):
    write_bfcl(tmp_path / "bench")
    names = [f"bfcl={tmp_path / 'bench'}"]
    assert (
        select_file(arenas_file(FERRY), tmp_path / "out.jsonl", benchmarks=names, console=printed.console)
        == 2
    )
    assert "every proved arena repeats a benchmark" in str(printed)


def test_released_rows_are_not_proved(tmp_path, printed):
    path = tmp_path / "rows.jsonl"
    write_rl_rows(path, four_of_each())
    assert select_file(path, tmp_path / "out.jsonl", console=printed.console) == 2
    assert f"none of its 16 arenas is proved; `astra arenas verify {path} --out PROVED`" in str(printed)


def test_a_report_that_cannot_be_true_is_not_believed(tmp_path, arenas_file: Write, printed):
    arenas = arenas_file(arena_of("In a circle?", {1: [2], 2: [1]}), *four_of_each())
    out = tmp_path / "out.jsonl"
    assert select_file(arenas, out, console=printed.console) == 0
    [reject] = rejects_of(out)
    assert reject["detail"] == "its report says proved, but nodes [1, 2] depend on each other in a circle"


def test_the_file_may_be_its_own_output(tmp_path, arenas_file: Write, printed):
    arenas = arenas_file(*four_of_each(), question(0))
    assert select_file(arenas, arenas, console=printed.console) == 0
    assert len(list(read_arenas(arenas))) == 16
    assert len(rejects_of(arenas)) == 1
    assert (
        select_file(arenas, tmp_path / "a.jsonl", rejects=tmp_path / "a.jsonl", console=printed.console) == 2
    )
    assert "cannot hold both" in str(printed)


@pytest.mark.parametrize(
    "change", [lambda arenas: arenas[1:], lambda arenas: [*arenas, arenas[0]], lambda arenas: []]
)
def test_a_file_that_changes_meanwhile_is_not_mixed_up(
    tmp_path, arenas_file: Write, printed, monkeypatch, change
):
    path, out = arenas_file(*four_of_each()), tmp_path / "out.jsonl"
    readings = iter([list(read_arenas(path)), change(list(read_arenas(path)))])
    monkeypatch.setattr(select, "read_arenas", lambda _: iter(next(readings)))
    assert select_file(path, out, console=printed.console) == 2
    assert "it changed while it was read" in str(printed)
    assert not out.exists()
