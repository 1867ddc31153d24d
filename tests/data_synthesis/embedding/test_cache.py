"""A text is embedded once for each model, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.embedding import CachedEmbedder, EmbeddingUnavailable
from data_synthesis.embedding import cache as module


class Counting:
    """Embeds a text as its length and its first letter; keeps count of the texts."""

    def __init__(self, name: str = "counting", width: int = 3, patience: int = 10**9):
        self.name, self.width, self.patience = name, width, patience
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        if len(self.asked) + len(texts) > self.patience:
            raise EmbeddingUnavailable("out of patience")
        self.asked += texts
        vectors = [[len(text), ord(text[0]) if text else 0, *[1] * (self.width - 2)] for text in texts]
        rows = np.array(vectors, np.float32).reshape(len(texts), self.width)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


TEXTS = st.lists(st.text(max_size=3), max_size=12)


@settings(max_examples=40)
@given(st.lists(TEXTS, max_size=4))
def test_the_cache_answers_as_the_model_does_and_asks_for_each_text_once(tmp_path_factory, batches):
    embedder, path = Counting(), tmp_path_factory.mktemp("cache") / "vectors.sqlite"
    for texts in batches:
        vectors = CachedEmbedder(embedder, path).embed(texts)
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, Counting().embed(texts))
    assert sorted(embedder.asked) == sorted({text for texts in batches for text in texts})


def test_models_do_not_share_vectors(tmp_path):
    first, second = Counting("a"), Counting("b", width=4)
    for embedder in (first, second):
        cached = CachedEmbedder(embedder, tmp_path / "vectors.sqlite")
        assert cached.name == embedder.name
        assert cached.embed(["x"]).shape == (1, embedder.width)
    assert second.asked == ["x"]


def test_what_was_embedded_before_a_failure_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SLICE", 2)
    texts = ["a", "b", "c", "d", "e"]
    with pytest.raises(EmbeddingUnavailable, match="out of patience"):
        CachedEmbedder(Counting(patience=4), tmp_path / "vectors.sqlite").embed(texts)
    again = Counting()
    CachedEmbedder(again, tmp_path / "vectors.sqlite").embed(texts)
    assert again.asked == ["e"]


def test_a_model_that_changed_its_width_is_noticed(tmp_path):
    path = tmp_path / "vectors.sqlite"
    CachedEmbedder(Counting(width=3), path).embed(["a"])
    with pytest.raises(
        EmbeddingUnavailable, match=r"vectors.sqlite holds vectors of counting with 3 and with 4"
    ):
        CachedEmbedder(Counting(width=4), path).embed(["a", "b"])


def test_a_file_that_is_no_cache_is_named(tmp_path):
    (tmp_path / "vectors.sqlite").write_text(
        "hello, this is no database at all, however long one looks at it"
    )
    with pytest.raises(OSError, match=r"cannot keep vectors in .*vectors\.sqlite"):
        CachedEmbedder(Counting(), tmp_path / "vectors.sqlite")
