"""Trajectories to packed batches: tokenised once, then shuffled, packed and batched by a Grain pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import grain
import numpy as np

from astra_jax.tokens.rows import tokenise
from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.packing import Sample, assemble, plan, single
from astra_jax.training.settings import BadSetting
from data_synthesis.records import BadRecord, Trajectory, read_records

TooLong = Literal["drop", "truncate"]
BadRows = Literal["stop", "skip"]

_ENDLESS = 2**31  # epochs


@dataclass(frozen=True)
class DataReport:
    """What became of the rows of a file. `rows` is what is trained on; the others are why rows are missing."""

    rows: int
    tokens: int
    trained_tokens: int
    truncated: int
    dropped_too_long: int
    dropped_without_loss: int
    dropped_broken: int
    bad: tuple[str, ...]  # one sentence each: file, line, field, problem

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def sentence(self) -> str:
        lost = {
            "too long": self.dropped_too_long,
            "truncated": self.truncated,
            "without loss": self.dropped_without_loss,
            "broken": self.dropped_broken,
            "bad": len(self.bad),
        }
        notes = "".join(f", {count} {reason}" for reason, count in lost.items() if count)
        return f"{self.rows} rows of {self.tokens} tokens, {self.trained_tokens} with loss{notes}"


@dataclass(frozen=True)
class Packing:
    """How samples become batches of [rows, length] tokens."""

    length: int
    rows: int
    packed: bool = True  # False: one sample a row, as in the paper
    window: int = 512  # shuffled samples that are packed together: more fill rows better


def load_samples(
    path: str | Path,
    tokenizer: Tokenizer,
    format: ChatFormat,
    length: int,
    *,
    too_long: TooLong = "drop",
    bad_rows: BadRows = "stop",
) -> tuple[list[Sample], DataReport]:
    """The trajectories of a JSONL file as samples of at most `length` tokens, in the order of the file. A broken run
    is never one.

    Args:
        too_long: `truncate` keeps the first `length` tokens of a longer row, `drop` leaves it out.
        bad_rows: `stop` raises at the first line that is no trajectory, `skip` reports it.

    Raises:
        BadRecord: names file, line and field.
        BadSetting: no sample is left.
    """
    rejects: list[BadRecord] | None = None if bad_rows == "stop" else []
    read = list(read_records(path, Trajectory, rejects=rejects))
    rows = [tokenise(row, tokenizer, format) for row in read if row.status == "finished"]
    samples = [Sample(np.asarray(r.ids, np.int32), np.asarray(r.loss_mask, np.float32)) for r in rows]
    longer = [len(sample) > length for sample in samples]
    cut = [
        _truncate(s, length)
        for s, is_longer in zip(samples, longer, strict=True)
        if _kept(is_longer, too_long)
    ]
    kept = [sample for sample in cut if sample.loss_weights[1:].any()]
    report = DataReport(
        rows=len(kept),
        tokens=sum(map(len, kept)),
        trained_tokens=int(sum(sample.loss_weights[1:].sum() for sample in kept)),
        truncated=sum(longer) if too_long == "truncate" else 0,
        dropped_too_long=sum(longer) if too_long == "drop" else 0,
        dropped_without_loss=len(cut) - len(kept),
        dropped_broken=len(read) - len(rows),
        bad=tuple(str(bad) for bad in rejects or ()),
    )
    if not kept:
        raise BadSetting(f"{path} has no row to train on with a sequence length of {length}: {report}")
    return kept, report


def make_dataset(
    samples: Sequence[Sample], packing: Packing, *, seed: int, epochs: int | None
) -> grain.IterDataset:
    """Batches (`PackedBatch`) of the samples, shuffled anew each epoch; the last one is filled with padding.

    The iterator's state is small and JSON: `get_state` and `set_state` go on at the next batch.

    Args:
        epochs: passes over the samples; None is endless.
    """
    blocks = [single(sample) for sample in samples]

    def lay_out(rows: list[list[int]]) -> Any:
        batch = assemble([[blocks[i] for i in row] for row in rows], packing.length, packing.rows)
        return replace(
            batch, parent_ids=None
        )  # no sample has a prefix, which lets kernels do that know of none

    return _index_batches([len(block) for block in blocks], packing, seed, epochs).map(lay_out)


def count_batches(samples: Sequence[Sample], packing: Packing, *, seed: int, epochs: int) -> int:
    """How many batches `make_dataset` gives."""
    return sum(1 for _ in _index_batches([len(sample) for sample in samples], packing, seed, epochs))


def digest(path: str | Path) -> str:
    """SHA-256 of a file: a run that resumes must find the data it started with."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _PackWindow(grain.experimental.FlatMapTransform):
    """A window of sample indices to rows of indices."""

    def __init__(self, lengths: Sequence[int], packing: Packing):
        self.lengths, self.packing = lengths, packing
        self.max_fan_out = packing.window

    def flat_map(self, element: np.ndarray) -> list[list[int]]:
        lengths = [self.lengths[i] for i in element]
        rows = plan(lengths, self.packing.length, None if self.packing.packed else 1)
        return [[int(element[i]) for i in row] for row in rows]


def _index_batches(
    lengths: Sequence[int], packing: Packing, seed: int, epochs: int | None
) -> grain.IterDataset:
    # Grain's own endless repetition overflows when it is batched.
    passes = _ENDLESS if epochs is None else epochs
    order = grain.MapDataset.range(len(lengths)).seed(seed).shuffle().repeat(passes)
    windows = order.batch(packing.window).to_iter_dataset(
        grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    )
    return windows.apply(_PackWindow(lengths, packing)).batch(packing.rows, batch_fn=list)


def _kept(is_longer: bool, too_long: TooLong) -> bool:
    return not (is_longer and too_long == "drop")


def _truncate(sample: Sample, length: int) -> Sample:
    return replace(sample, tokens=sample.tokens[:length], loss_weights=sample.loss_weights[:length])
