"""An embedder is found by its name, or the user hears in one sentence what to do."""

from __future__ import annotations

import sys

import pytest

from data_synthesis.embedding import EmbeddingUnavailable, open_embedder


def test_a_url_and_a_model_are_a_server(tmp_path):
    embedder = open_embedder("http://127.0.0.1:9/v1", model="Qwen/Qwen3-Embedding-8B", folder=tmp_path)
    assert embedder.name == "Qwen/Qwen3-Embedding-8B"
    assert (tmp_path / "embeddings.sqlite").exists()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("http://127.0.0.1:9/v1", "say which model http://127.0.0.1:9/v1 is to embed with"),
        ("mpnet", "no embedder is called 'mpnet': say `minilm`, or the URL of a server"),
    ],
)
def test_what_is_no_embedder_is_said(tmp_path, where, message):
    with pytest.raises(EmbeddingUnavailable, match=message):
        open_embedder(where, folder=tmp_path)


@pytest.mark.parametrize(("where", "package"), [("minilm", "threadpoolctl"), ("http://x/v1", "openai")])
def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch, where, package):
    for name in ("data_synthesis.embedding.minilm", "data_synthesis.embedding.server"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EmbeddingUnavailable, match=rf"no {package} .*pip install 'astra-jax\[synthesis\]'"):
        open_embedder(where, model="m", folder=tmp_path)


def test_vectors_are_kept_in_the_cache_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    open_embedder("http://127.0.0.1:9/v1", model="m")
    assert (tmp_path / "astra-jax" / "embeddings.sqlite").exists()
