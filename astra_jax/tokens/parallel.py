"""Rows of a file to token rows in several processes, in the order of the file."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from astra_jax.tokens.rows import TokenRow, tokenise
from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from data_synthesis.records import BadRecord, Trajectory

# What becomes of a row; None: the run that it records is broken.
Outcome = TokenRow | BadRecord | None

_CHUNK = 256  # rows: what a process is given at once, and what is not worth starting one
_AHEAD = 3  # chunks that wait for each process


@dataclass(frozen=True)
class Recipe:
    """How a row becomes tokens. `read` is a module's function, so that another process finds it."""

    read: Callable[[Any, str], Trajectory | BadRecord]
    kind: str  # of the rows, as `read` takes it
    tokenizer: Path
    format: ChatFormat


def tokenise_all(values: Iterable[Any], recipe: Recipe, processes: int = 0) -> Iterator[Outcome]:
    """What becomes of each value, in order, whatever the number of processes.

    Args:
        values: numbered, as `data_synthesis.interop` gives them.
        processes: 0 is one for each core. A file of one chunk is done here.
    """
    chunks = _chunks(values)
    first = list(islice(chunks, 2))
    count = processes or os.cpu_count() or 1
    if len(first) < 2 or count == 1:
        worker = _Worker(recipe)
        for chunk in chain(first, chunks):
            yield from worker(chunk)
        return
    # Not by fork: this process has JAX's threads.
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_start, initargs=(recipe,))
    try:
        yield from _in_order(pool, chain(first, chunks), count * _AHEAD)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Worker:
    def __init__(self, recipe: Recipe):
        self.recipe, self.tokenizer = recipe, Tokenizer(recipe.tokenizer)

    def __call__(self, chunk: Sequence[Any]) -> list[Outcome]:
        return [self._outcome(each) for each in chunk]

    def _outcome(self, each: Any) -> Outcome:
        row = self.recipe.read(each, self.recipe.kind)
        if isinstance(row, BadRecord):
            return row
        if row.status != "finished":
            return None
        try:
            return tokenise(row, self.tokenizer, self.recipe.format)
        except ValueError as error:
            return BadRecord(each.path, each.line, "messages", str(error))


_worker: _Worker | None = None  # of a process of the pool


def _start(recipe: Recipe) -> None:
    global _worker
    _worker = _Worker(recipe)


def _work(chunk: Sequence[Any]) -> list[Outcome]:
    assert _worker
    return _worker(chunk)


def _in_order(pool: ProcessPoolExecutor, chunks: Iterator[list], ahead: int) -> Iterator[Outcome]:
    waiting: deque[Future[list[Outcome]]] = deque()
    for chunk in chunks:
        waiting.append(pool.submit(_work, chunk))
        if len(waiting) >= ahead:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def _chunks(values: Iterable[Any]) -> Iterator[list]:
    values = iter(values)
    while chunk := list(islice(values, _CHUNK)):
        yield chunk
