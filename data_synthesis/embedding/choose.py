"""An embedder by its name on a command line."""

from __future__ import annotations

import os
from pathlib import Path

from data_synthesis.embedding.cache import CachedEmbedder
from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable

_INSTALL = "it needs more packages: pip install 'astra-jax[synthesis]'"


def open_embedder(where: str = "minilm", *, model: str = "", folder: str | Path | None = None) -> Embedder:
    """An embedder that keeps its vectors.

    Args:
        where: `minilm`, or the URL of an OpenAI-compatible server, which ends in `/v1`.
        model: what the server calls the model; MiniLM has one only.
        folder: for the weights and the vectors; the user's cache folder if not given.

    Raises:
        EmbeddingUnavailable: it cannot be had, or `where` is neither. Whether a server answers is known only when it
            is asked.
        OSError: the folder cannot be written.
    """
    folder = Path(folder) if folder is not None else _cache_folder()
    if where == "minilm":
        embedder = _minilm(folder / "all-MiniLM-L6-v2")
    elif where.startswith(("http://", "https://")):
        embedder = _server(where, model)
    else:
        raise EmbeddingUnavailable(f"no embedder is called {where!r}: say `minilm`, or the URL of a server")
    return CachedEmbedder(embedder, folder / "embeddings.sqlite")


def _minilm(files: Path) -> Embedder:
    try:
        from data_synthesis.embedding.minilm import MiniLM
        from data_synthesis.embedding.weights import minilm_files
    except ImportError as error:
        raise EmbeddingUnavailable(f"no {error.name} for MiniLM: {_INSTALL}") from error
    return MiniLM(minilm_files(files))


def _server(url: str, model: str) -> Embedder:
    if not model:
        raise EmbeddingUnavailable(f"say which model {url} is to embed with")
    try:
        from data_synthesis.embedding.server import EmbeddingServer, ServerEmbedder
    except ImportError as error:
        raise EmbeddingUnavailable(f"no {error.name} to ask {url}: {_INSTALL}") from error
    return ServerEmbedder(EmbeddingServer(model, url))


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "astra-jax"
