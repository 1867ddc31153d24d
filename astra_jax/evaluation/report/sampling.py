"""Which records a page embeds: a bounded number of them, and a bounded number of bytes."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

# What the entries of a page may take together. A browser opens such a page at once.
MAX_BYTES = 24_000_000

T = TypeVar("T")


def smallest(records: Iterable[T], count: int, key: Callable[[T], Any]) -> tuple[list[T], int]:
    """The `count` records with the smallest keys, and how many there were; one pass, memory for `count`.

    Where keys are content hashes this is a random sample, and the same one wherever the same keys appear.
    """
    counter = itertools.count()
    chosen = heapq.nsmallest(count, (record for record, _ in zip(records, counter, strict=False)), key=key)
    return chosen, next(counter)


def bounded(entries: Iterable[dict[str, Any]], max_bytes: int) -> list[dict[str, Any]]:
    """The first entries that fit into `max_bytes` of JSON together."""
    kept, size = [], 0
    for entry in entries:
        size += len(json.dumps(entry))
        if size > max_bytes:
            break
        kept.append(entry)
    return kept
