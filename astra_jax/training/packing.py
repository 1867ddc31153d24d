"""Packs samples of different lengths into rows of one length.

Invariant 3 rests on this file: however samples are packed, each token keeps its position, its context, its
target and its weight, so the loss and its gradient are those of one sample a row.

    sample  --single-->        block (one segment)   --plan-->  rows of blocks  --assemble-->  PackedBatch
    group   --share_prompt-->  block (a prompt segment, and a segment for each response)
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from astra_jax.training.batch import PackedBatch


@dataclass(frozen=True)
class Sample:
    """Token ids [n] and, for each token, what it is worth to predict it (from the tokens before it).

    `loss_weights[0]` is never used: nothing comes before the first token. `advantages` and `sampler_logprobs`
    are for RL: given for all samples of a batch, or for none. So is `source`, which part of a mixture it is from.
    """

    tokens: np.ndarray
    loss_weights: np.ndarray
    advantages: np.ndarray | None = None
    sampler_logprobs: np.ndarray | None = None
    source: int | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def per_token(self) -> dict[str, np.ndarray]:
        """The values that belong to predicting a token, by their name in `PackedBatch`."""
        values = {
            "loss_weights": self.loss_weights,
            "advantages": self.advantages,
            "sampler_logprobs": self.sampler_logprobs,
        }
        return {name: np.asarray(value, np.float32) for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Block:
    """Segments that must share a row, one after the other: the arrays of `PackedBatch`, for one block.

    `arrays["segment_ids"]` and `arrays["parent_ids"]` count from 1 within the block.
    """

    arrays: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arrays["tokens"])


def single(sample: Sample) -> Block:
    """A sample as a block of one segment."""
    return Block(_segment(sample, start=0, segment=1, parent=0))


def share_prompt(samples: Sequence[Sample], prompt_length: int, capacity: int) -> list[Block]:
    """A group's samples, which start with the same `prompt_length` tokens, with the prompt packed once.

    The prompt's last token predicts the first token of every response, so each response segment begins with
    its own copy of it, and the prompt segment ends before it. When the group does not fit one block of
    `capacity` tokens, it is split as `plan` splits, and each block has its own prompt.

    Raises:
        ValueError: the prompts differ, carry loss, or a sample alone is longer than `capacity`.
    """
    _check_prompts(samples, prompt_length)
    longest = max(map(len, samples), default=0)
    if longest > capacity:
        raise ValueError(f"a sample of {longest} tokens does not fit a row of {capacity}")
    start = prompt_length - 1
    rows = plan([len(sample) - start for sample in samples], capacity - start)
    return [_shared_block([samples[i] for i in sorted(row)], start) for row in rows]


def plan(lengths: Sequence[int], capacity: int, most: int | None = None) -> list[list[int]]:
    """Which items go together in which row, by best fit, longest first.

    Args:
        lengths: tokens of each item.
        capacity: tokens of a row.
        most: items a row may hold; None is no limit.

    Returns:
        Rows of item indices. Rows are in the order of their longest item in `lengths`, so that a shuffled
        order stays shuffled: no step gets all the long rows.

    Raises:
        ValueError: an item is longer than a row.
    """
    rows: list[list[int]] = []
    spaces: list[tuple[int, int]] = []  # (free tokens, row) of the rows that are open, sorted
    for item in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if lengths[item] > capacity:
            raise ValueError(f"item {item} has {lengths[item]} tokens and a row holds {capacity}")
        fit = bisect_left(spaces, (lengths[item], 0))
        space, row = spaces.pop(fit) if fit < len(spaces) else (capacity, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(item)
        if most is None or len(rows[row]) < most:
            insort(spaces, (space - lengths[item], row))
    return sorted(rows, key=lambda row: row[0])


def assemble(rows: Sequence[Sequence[Block]], length: int, count: int) -> PackedBatch:
    """Lays out blocks as `count` rows of `length` tokens; the rest is padding.

    Raises:
        ValueError: the blocks do not fit, or some carry RL values and others do not.
    """
    if len(rows) > count:
        raise ValueError(f"{len(rows)} rows are needed and the batch has {count}")
    names = {frozenset(block.arrays) for row in rows for block in row}
    if len(names) > 1:
        raise ValueError("some samples of the batch have advantages, log-probs or a source and others do not")
    batch: dict[str, Any] = {name: np.zeros((count, length), dtype) for name, dtype in _dtypes(names).items()}
    for index, row in enumerate(rows):
        for name, value in _concatenate(row).items():
            if len(value) > length:
                raise ValueError(f"row {index} has {len(value)} tokens and the batch {length}")
            batch[name][index, : len(value)] = value
    return PackedBatch(**batch)


def pack(blocks: Sequence[Block], length: int, multiple: int = 1) -> PackedBatch:
    """All `blocks` in one batch of rows of `length` tokens; see `plan` and `assemble`.

    Args:
        multiple: rows are padded to this times a power of two, so that few shapes are ever compiled. Rows of
            padding cost little when they fill whole micro-batches, which the step skips.
    """
    rows = plan([len(block) for block in blocks], length)
    count = multiple
    while count < len(rows):
        count *= 2
    return assemble([[blocks[i] for i in row] for row in rows], length, count)


def _segment(sample: Sample, start: int, segment: int, parent: int, stop: int | None = None) -> dict:
    """Tokens `start:stop` of a sample; what predicts a token is moved to the token before it."""
    tokens = np.asarray(sample.tokens, np.int32)[start:stop]
    size = len(tokens)
    arrays = {
        "tokens": tokens,
        "targets": _shift(tokens),
        "positions": np.arange(start, start + size, dtype=np.int32),
        "segment_ids": np.full(size, segment, np.int32),
        "parent_ids": np.full(size, parent, np.int32),
    }
    if sample.source is not None:
        arrays["sources"] = np.full(size, sample.source, np.int32)
    return arrays | {name: _shift(value[start:stop]) for name, value in sample.per_token().items()}


def _shift(values: np.ndarray) -> np.ndarray:
    return np.append(values[1:], np.zeros(min(1, len(values)), values.dtype))


def _check_prompts(samples: Sequence[Sample], prompt_length: int) -> None:
    if prompt_length < 1:
        raise ValueError(f"prompt_length is {prompt_length}: a shared prompt has at least one token")
    for index, sample in enumerate(samples):
        if not np.array_equal(sample.tokens[:prompt_length], samples[0].tokens[:prompt_length]):
            raise ValueError(f"sample {index} of the group starts with another prompt than sample 0")
        if np.any(sample.loss_weights[1:prompt_length]):
            raise ValueError(f"sample {index} of the group has loss on its prompt, which is shared")


def _shared_block(samples: Sequence[Sample], start: int) -> Block:
    prompt = [_segment(samples[0], 0, segment=1, parent=0, stop=start)] if start else []
    parent = len(prompt)
    responses = [
        _segment(sample, start, segment=number, parent=parent)
        for number, sample in enumerate(samples, parent + 1)
    ]
    return Block(_join([*prompt, *responses]))


def _concatenate(blocks: Sequence[Block]) -> dict[str, np.ndarray]:
    """The arrays of one row: each block's segments are counted on from those of the blocks before it."""
    used = 0
    pieces = []
    for block in blocks:
        segments, parents = block.arrays["segment_ids"], block.arrays["parent_ids"]
        moved = {"segment_ids": segments + used, "parent_ids": np.where(parents > 0, parents + used, 0)}
        pieces.append(block.arrays | moved)
        used += int(segments.max(initial=0))
    return _join(pieces)


def _join(pieces: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in (pieces[0] if pieces else ())}


def _dtypes(names: set[frozenset[str]]) -> dict[str, Any]:
    always = ("tokens", "targets", "positions", "segment_ids", "parent_ids")
    integers = always if not any("sources" in each for each in names) else (*always, "sources")
    floats = sorted({"loss_weights"}.union(*names).difference(integers))
    return dict.fromkeys(integers, np.int32) | dict.fromkeys(floats, np.float32)
