"""Texts as vectors: MiniLM on this machine, or any OpenAI-compatible server."""

from data_synthesis.embedding.cache import CachedEmbedder
from data_synthesis.embedding.choose import open_embedder
from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable

__all__ = ["CachedEmbedder", "Embedder", "EmbeddingUnavailable", "open_embedder"]
