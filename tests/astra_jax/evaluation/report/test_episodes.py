"""Entries of the browser: tokens with their masks, and what no message holds."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from astra_jax.evaluation.report.episodes import MAX_TOKENS, _runs, episode_browser
from astra_jax.evaluation.report.token_text import TokenText, find_tokenizer
from data_synthesis.records import Episode, Message, VersionSpan, write_records

WORDS = ["zero", "one", "two", "three"]


def browse(tmp_path: Path, text: TokenText, **fields):
    episode = Episode(arena_id="a", messages=[Message(role="user", content="?")], **fields)
    write_records(tmp_path / "rl.jsonl", [episode])
    browser = episode_browser({"rl": [tmp_path / "rl.jsonl"]}, [], 10, text, [])
    return browser.entries[0], browser.shared


def tokenizer(folder: Path) -> TokenText:
    model = models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="zero")
    (folder / "hf").mkdir()
    Tokenizer(model).save(str(folder / "hf" / "tokenizer.json"))
    return find_tokenizer(folder)


@given(st.lists(st.integers(0, 1), max_size=50))
def test_runs_spell_the_mask(mask: list[int]):
    runs = _runs(mask)
    assert [i % 2 for i, length in enumerate(runs) for _ in range(length)] == mask
    assert all(runs[1:])


def test_tokens_have_texts_masks_and_the_logprobs_of_sampled_ones(tmp_path: Path):
    entry, shared = browse(
        tmp_path,
        tokenizer(tmp_path),
        token_ids=[1, 2, 3, 1],
        loss_mask=[0, 1, 1, 0],
        logprobs=[0.0, -0.25, -1.5, 0.0],
        weight_versions=[[VersionSpan(3, 1), VersionSpan(4, 1)]],
    )
    assert (entry["facts"]["turns"], entry["facts"]["weights"]) == (1, "3 to 4")
    assert entry["tokens"] == {
        "ids": [1, 2, 3, 1],
        "runs": [1, 2, 1],
        "logprobs": [-0.25, -1.5],
        "total": 4,
        "sampled": 2,
    }
    assert shared["vocabulary"] == {1: "one", 2: "two", 3: "three"}


def test_a_turn_that_ran_out_of_tokens_is_shown_from_its_tokens(tmp_path: Path):
    fields = {"token_ids": [1, 2, 3, 3], "loss_mask": [0, 0, 1, 1], "logprobs": [0.0] * 4}
    fields["weight_versions"] = [[VersionSpan(0, 2)]]
    text = tokenizer(tmp_path)
    assert browse(tmp_path, text, stop_reason="max_tokens", **fields)[0]["unfinished"] == "three three"
    assert browse(tmp_path, text, stop_reason="finished", **fields)[0]["unfinished"] == ""


def test_without_a_tokenizer_ids_stand_for_themselves(tmp_path: Path):
    fields = {"token_ids": [5], "loss_mask": [1], "logprobs": [0.0], "stop_reason": "max_tokens"}
    fields["weight_versions"] = [[VersionSpan(0, 1)]]
    entry, shared = browse(tmp_path, find_tokenizer(tmp_path), **fields)
    assert entry["unfinished"] == ""
    assert shared["vocabulary"] == {}


def test_long_episodes_keep_their_first_tokens_and_say_how_many_there_are(tmp_path: Path):
    count = 2 * MAX_TOKENS
    entry, _ = browse(
        tmp_path,
        find_tokenizer(tmp_path),
        token_ids=[7] * count,
        loss_mask=[1] * count,
        logprobs=[-1.0] * count,
        weight_versions=[[VersionSpan(0, count)]],
    )
    tokens = entry["tokens"]
    assert len(tokens["ids"]) == len(tokens["logprobs"]) == sum(tokens["runs"]) == MAX_TOKENS
    assert tokens["total"] == tokens["sampled"] == count


def test_what_an_episode_was_trained_on_is_among_its_facts_and_why_it_was_not(tmp_path: Path):
    text = tokenizer(tmp_path)
    facts = browse(tmp_path, text, scores={"f1": 0.5, "format": 1.0, "total": 0.625})[0]["facts"]
    assert {name: facts[name] for name in facts if name in ("f1", "format", "total")} == {
        "format": "1",
        "total": "0.625",
    }
    assert browse(tmp_path, text, unscored="m:f returned nan")[0]["facts"]["unscored"] == "m:f returned nan"
