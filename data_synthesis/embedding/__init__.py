"""Texts as vectors: MiniLM on this machine, or any OpenAI-compatible server."""

from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable

__all__ = ["Embedder", "EmbeddingUnavailable"]
