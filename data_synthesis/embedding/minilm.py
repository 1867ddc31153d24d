"""all-MiniLM-L6-v2 on this machine's CPU, in NumPy: mean of the last hidden states, as a unit vector."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from data_synthesis.embedding.bert import Bert
from data_synthesis.embedding.text import repaired

WIDTH = 384
LONGEST = 256  # tokens, as the model's authors set it; what follows is not read
_HEADS = 12


class MiniLM:
    """Sentence embeddings by the six-layer model of sentence-transformers, without PyTorch.

    A text is read up to its first 256 tokens. Its vector depends on nothing else, not even to the last bit on the
    texts that are embedded with it.

    Args:
        files: the folder with `model.safetensors` and `tokenizer.json`, see `weights.minilm_files`.
        workers: texts embedded at a time; as many as there are cores if not given.
    """

    name = "all-MiniLM-L6-v2"

    def __init__(self, files: str | Path, *, workers: int | None = None):
        self._bert = Bert(load_file(Path(files) / "model.safetensors"), _HEADS)
        self._tokenizer = Tokenizer.from_file(str(Path(files) / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST)
        self._workers = workers or os.cpu_count() or 1

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, 384]; see `Embedder`."""
        encodings = self._tokenizer.encode_batch([repaired(text) for text in texts])
        vectors = np.empty((len(texts), WIDTH), np.float32)
        # BLAS has threads of its own: with ours beside them, cores wait for each other.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self._workers) as pool:
            for row, vector in enumerate(pool.map(self._vector, (encoding.ids for encoding in encodings))):
                vectors[row] = vector
        return vectors

    def _vector(self, ids: list[int]) -> np.ndarray:
        mean = self._bert(np.array(ids)).mean(axis=0)
        return mean / np.linalg.norm(mean)
