"""Vectors on disk, so that a text is embedded once: one SQLite file, safe to kill and to share."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable
from data_synthesis.embedding.text import repaired

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    model TEXT NOT NULL, text BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, text)
) WITHOUT ROWID
"""
_FLOATS = np.dtype("<f4")
_SLICE = 512  # texts between two commits: what a killed run loses


class CachedEmbedder:
    """Asks `embedder` for the vectors that the file does not hold yet, each text once, and keeps them.

    Args:
        embedder: its name is part of the key; the texts are kept as digests.
        path: the file.

    Raises, from `embed` too:
        OSError: the file cannot be used; names it.
    """

    def __init__(self, embedder: Embedder, path: str | Path):
        self._embedder = embedder
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open():
            pass

    @property
    def name(self) -> str:
        return self._embedder.name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder`.

        Raises:
            EmbeddingUnavailable: some vectors are not there and cannot be had; those that were had are kept. Or the
                file holds vectors of another width under this model's name.
        """
        keys = [hashlib.sha256(repaired(text).encode()).digest() for text in texts]
        missing = dict(zip(keys, texts, strict=True))
        with self._open() as db:
            known = dict(self._known(db, missing))
            for key in known:
                del missing[key]
            for some in _slices(list(missing), _SLICE):
                vectors = self._embedder.embed([missing[key] for key in some])
                fresh = dict(zip(some, vectors.astype(_FLOATS), strict=True))
                self._keep(db, fresh)
                known |= fresh
        return self._stacked([known[key] for key in keys])

    def _open(self) -> closing[sqlite3.Connection]:
        try:
            db = sqlite3.connect(self.path, timeout=30.0)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"cannot keep vectors in {self.path}: {error}") from error
        return closing(db)

    def _known(self, db: sqlite3.Connection, keys: Mapping[bytes, str]) -> Iterator[tuple[bytes, np.ndarray]]:
        query = "SELECT vector FROM vectors WHERE model = ? AND text = ?"
        for key in keys:
            try:
                row = db.execute(query, (self.name, key)).fetchone()
            except sqlite3.Error as error:
                raise OSError(f"cannot read the vectors in {self.path}: {error}") from error
            if row:
                yield key, np.frombuffer(row[0], _FLOATS)

    def _keep(self, db: sqlite3.Connection, vectors: Mapping[bytes, np.ndarray]) -> None:
        rows = [(self.name, key, vector.tobytes()) for key, vector in vectors.items()]
        try:
            with db:
                db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise OSError(f"cannot keep vectors in {self.path}: {error}") from error

    def _stacked(self, vectors: list[np.ndarray]) -> np.ndarray:
        widths = sorted({len(vector) for vector in vectors})
        if len(widths) > 1:
            raise EmbeddingUnavailable(
                f"{self.path} holds vectors of {self.name} with {widths[0]} and with {widths[-1]} numbers: delete it"
            )
        return np.array(vectors, np.float32) if vectors else self._embedder.embed([])


def _slices(keys: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
