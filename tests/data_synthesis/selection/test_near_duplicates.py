from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.selection import near_duplicates
from data_synthesis.selection.near_duplicates import (
    BadThreshold,
    BadVectors,
    MissingLibrary,
    by_embedding,
    by_shingles,
)
from data_synthesis.selection.shingles import jaccard, shingles

WORDS = [
    "ferry",
    "harbour",
    "lantern",
    "courtyard",
    "kiln",
    "market",
    "sunday",
    "guest",
    "technician",
    "island",
]


class FakeEmbedder:
    """The vectors it was given, by text; a batch at a time."""

    name = "fake"

    def __init__(self, vectors: dict[str, np.ndarray]):
        self.vectors, self.batches = vectors, []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.batches.append(len(texts))
        return np.stack([self.vectors[text] for text in texts]).astype(np.float32)


def variations(seed: int, count: int) -> list[str]:
    """Sentences of which many are a few words away from an earlier one."""
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(WORDS, k=20))]
    while len(texts) < count:
        words = rng.choice(texts).split()
        for place in rng.sample(range(20), rng.choice([0, 1, 1, 2, 3, 5, 20])):
            words[place] = rng.choice(WORDS) + rng.choice(["", "s", "ed"])
        texts.append(" ".join(words))
    return texts


def test_against_the_exact_similarity_of_all_pairs():
    texts, threshold = variations(0, 300), 0.8
    sets = [shingles(text) for text in texts]
    twins = list(by_shingles(texts, threshold))
    kept = [position for position, twin in enumerate(twins) if twin is None]
    dropped = {position: twin for position, twin in enumerate(twins) if twin}
    assert len(dropped) > 50
    for position, twin in dropped.items():
        assert twin.position < position
        assert twins[twin.position] is None
        assert twin.similarity == jaccard(sets[position], sets[twin.position]) >= threshold
    pairs = [(jaccard(sets[i], sets[j]), i, j) for i, j in product(kept, kept) if j < i]
    assert max(pairs)[0] < 0.9  # one at 0.9 escapes with a probability below 1e-4
    assert sum(similarity >= threshold for similarity, _, _ in pairs) <= 0.05 * len(dropped)


@given(st.lists(st.text(max_size=40), max_size=12), st.sampled_from([0.05, 0.3, 0.7, 1.0]))
@settings(max_examples=30, deadline=None)
def test_whatever_the_texts_a_repeated_one_goes_and_the_first_stays(texts: list[str], threshold: float):
    once = list(by_shingles(texts, threshold))
    twice = list(by_shingles(texts + texts, threshold))
    assert twice[: len(texts)] == once
    assert all(twin and twin.similarity >= threshold for twin in twice[len(texts) :])
    assert not texts or once[0] is None


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        (
            "Which ferry leaves the northern harbour after the market closes on Sunday?",
            "which ferry leaves the northern harbour  after the market closes on Monday",
            "Which tram leaves the old town before the museum opens on Sunday?",
        ),
        (
            "请帮我查一下星期天早上从北港开往北岛的渡轮是几点出发的",
            "请帮我查一下星期六早上从北港开往北岛的渡轮是几点出发的？",
            "请帮我订一间星期天晚上北港附近带阳台的双人房",
        ),
        (
            "渡轮 FERRY-12 星期天早上几点从北港出发开往北岛，票价是多少元",
            "渡轮 ＦＥＲＲＹ-12 星期天早上几点从北港出发开往北岛，票价多少元",
            "渡轮 FERRY-12 可以带自行车吗",
        ),
    ],
    ids=["English", "Chinese", "mixed"],
)
def test_a_changed_word_is_near_and_another_question_is_not(text: str, near: str, far: str):
    assert jaccard(shingles(text), shingles(near)) >= 0.75
    assert jaccard(shingles(text), shingles(far)) < 0.4


def test_case_width_punctuation_and_gaps_do_not_count():
    assert shingles("Which FERRY-12, at 9:30?") == shingles("  which ferry 12 at\n９:30")
    assert shingles("渡轮 几点出发？") == shingles("渡轮，几点出发") != shingles("渡轮几点出发")


def test_a_chain_of_similar_texts_is_not_one_group():
    texts = ["a b c d e f g h", "c d e f g h i j", "e f g h i j k l"]
    first, second, third = map(shingles, texts)
    threshold = min(jaccard(first, second), jaccard(second, third))
    assert jaccard(first, third) < threshold
    assert [twin and twin.position for twin in by_shingles(texts, threshold)] == [None, 0, None]


def unit_vectors(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Directions in clusters, by text."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 8))
    rows = centres[rng.integers(6, size=count)] + 0.3 * rng.normal(size=(count, 8))
    return {f"text {i}": row / np.linalg.norm(row) for i, row in enumerate(rows)}


def greedy(vectors: np.ndarray, threshold: float) -> list[int | None]:
    """The same, one by one: for each row the most similar kept one at or above the threshold."""
    kept: list[int] = []
    twins: list[int | None] = []
    for row, vector in enumerate(vectors):
        cosines = [float(vector @ vectors[other]) for other in kept]
        best = int(np.argmax(cosines)) if cosines else -1
        twins.append(kept[best] if kept and cosines[best] >= threshold else None)
        if twins[-1] is None:
            kept.append(row)
    return twins


@pytest.mark.parametrize("batch", [1, 7, 64, 512])
def test_embeddings_are_compared_exactly_whatever_the_batch(monkeypatch, batch: int):
    monkeypatch.setattr(near_duplicates, "_BATCH", batch)
    vectors = unit_vectors(200)
    embedder = FakeEmbedder(vectors)
    twins = list(by_embedding(vectors, embedder, 0.9))
    expected = greedy(np.stack(list(vectors.values())), 0.9)
    assert [twin and twin.position for twin in twins] == expected
    assert sum(twin is not None for twin in twins) > 20
    assert max(embedder.batches) <= batch
    for row, twin in enumerate(twins):
        if twin:
            cosine = vectors[f"text {row}"] @ vectors[f"text {twin.position}"]
            assert twin.similarity == pytest.approx(cosine, abs=1e-5)
            assert twin.measure == "cosine"


def test_the_same_vector_is_a_twin_at_the_highest_threshold():
    vectors = unit_vectors(40)
    texts = list(vectors)
    twins = list(by_embedding(texts + texts, FakeEmbedder(vectors), 1.0))
    assert [twin and twin.position for twin in twins] == [None] * 40 + list(range(40))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (np.ones((1, 4), np.float32) / 2, r"answered 2 texts with an array of shape \(1, 4\)"),
        (np.ones(2, np.float32), r"answered 2 texts with an array of shape \(2,\)"),
        (np.ones((2, 4), np.float32), "does not have length 1"),
        (np.full((2, 4), np.nan, np.float32), "does not have length 1"),
    ],
)
def test_vectors_that_are_none_are_refused(answer: np.ndarray, problem: str):
    class Broken(FakeEmbedder):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            return answer

    with pytest.raises(BadVectors, match=problem):
        list(by_embedding(["a", "b"], Broken({}), 0.9))


def test_an_embedder_that_changes_its_vectors_is_refused(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_BATCH", 1)
    embedder = FakeEmbedder({"a": np.array([1.0, 0]), "b": np.array([1.0, 0, 0])})
    with pytest.raises(BadVectors, match="changed the length of its vectors to 3"):
        list(by_embedding(["a", "b"], embedder, 0.9))


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.01, float("nan")])
@pytest.mark.parametrize(
    "find", [by_shingles, lambda texts, near: by_embedding(texts, FakeEmbedder({}), near)]
)
def test_a_threshold_that_is_none_is_refused(
    find: Callable[[list[str], float], Iterator[object]], threshold: float
):
    with pytest.raises(BadThreshold, match="above 0 and at most 1"):
        find([], threshold)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasketch", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'astra-jax\[synthesis\]'"):
        list(by_shingles(["a"], 0.8))
