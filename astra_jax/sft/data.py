"""Rows to packed batches: tokenised once, then mixed, shuffled, packed and batched by a Grain pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import grain
import numpy as np

from astra_jax.sft.rows import Rows, RowWriter, key
from astra_jax.sft.sources import Source, digest
from astra_jax.tokens.parallel import Outcome, Recipe, tokenise_all
from astra_jax.tokens.rows import TokenRow
from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.packing import Sample, assemble, plan, single
from astra_jax.training.settings import BadSetting
from data_synthesis.records import BadRecord
from data_synthesis.trajectories.rows import open_rows, read_row
from data_synthesis.whole_file import naming

TooLong = Literal["drop", "truncate"]
BadRows = Literal["stop", "skip"]

_ENDLESS = 2**31  # epochs
_VERSION = 1  # of the tokens that a row becomes: another one makes all rows again


@dataclass
class DataReport:
    """What became of the rows of a source. `rows` is what is trained on, `truncated` those of them that were cut; the
    others are why rows are missing."""

    rows: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    truncated: int = 0
    dropped_too_long: int = 0
    dropped_without_loss: int = 0
    dropped_broken: int = 0
    bad: list[str] = field(default_factory=list)  # one sentence each: file, line, field, problem

    def __add__(self, other: DataReport) -> DataReport:
        return DataReport(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

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
class RowPolicy:
    """What becomes of rows that do not fit.

    Attributes:
        length: tokens of a row at most.
        too_long: `truncate` keeps a longer row up to the last turn of the assistant that ends within `length`,
            `drop` leaves it out; so does `truncate` where no turn ends there.
        bad_rows: `stop` raises at the first row that cannot be read, `skip` reports it.
    """

    length: int
    too_long: TooLong = "drop"
    bad_rows: BadRows = "stop"


@dataclass(frozen=True)
class Packing:
    """How samples become batches of [rows, length] tokens."""

    length: int
    rows: int
    packed: bool = True  # False: one sample a row, as in the paper
    window: int = 4096  # shuffled samples that are packed together: more fill rows better


@dataclass(frozen=True)
class Mixture(Sequence[Sample]):
    """The samples of all sources, one source after the other, and how many of each are taken."""

    parts: Sequence[Sequence[Sample]]
    weights: Sequence[float]

    def __len__(self) -> int:
        return sum(self.sizes)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        for number, part in enumerate(self.parts):
            if index < len(part):
                return part[index] if len(self.parts) == 1 else replace(part[index], source=number)
            index -= len(part)
        raise IndexError(index)

    @property
    def sizes(self) -> list[int]:
        return [len(part) for part in self.parts]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sample."""
        return [length for part in self.parts for length in _lengths(part)]


def _lengths(part: Sequence[Sample]) -> list[int]:
    return part.lengths if isinstance(part, Rows) else [len(sample) for sample in part]


def load_rows(
    source: Source,
    tokenizer: Tokenizer,
    format: ChatFormat,
    policy: RowPolicy,
    cache: Path,
    *,
    processes: int = 0,
) -> tuple[Rows, DataReport]:
    """The rows of a source as samples, in its order. A broken run is never one.

    Args:
        cache: folder in which they are kept, under the hash of all that they are made from.
        processes: that tokenise; 0 is one for each core.

    Raises:
        BadRecord: names file, line and field.
        BadSetting: no sample is left, or the source was written to while it was read.
        PipelineError: the package that reads this kind of file is missing.
    """
    content = digest(source.path)
    folder = cache / key(
        version=_VERSION,
        content=content,
        tokenizer=tokenizer.digest(),
        format=asdict(format),
        policy=asdict(policy),
    )
    rows = Rows.open(folder)
    if rows is None:
        recipe = Recipe(read_row, "", tokenizer.directory, format)
        _make(folder, source, content, recipe, policy, processes)
        rows = Rows.open(folder)
        assert rows is not None
    return rows, DataReport(**rows.report)


def _make(
    folder: Path, source: Source, content: str, recipe: Recipe, policy: RowPolicy, processes: int
) -> None:
    kind, values = open_rows(source.path)
    outcomes = tokenise_all(values, replace(recipe, kind=kind), processes)
    report, writer = DataReport(), RowWriter(folder)
    try:
        with naming(folder):
            for row in _kept(outcomes, policy, report):
                writer.add(row)
            if not report.rows:
                raise BadSetting(
                    f"{source.path} has no row to train on with a sequence length of {policy.length}: {report}"
                )
            if digest(source.path) != content:  # the folder is named by what it was
                raise BadSetting(
                    f"{source.path} was written to while its rows were read: run the command again"
                )
            writer.finish(report.as_json())
    except BaseException:
        writer.abandon()
        raise


def _kept(outcomes: Iterator[Outcome], policy: RowPolicy, report: DataReport) -> Iterator[TokenRow]:
    """The rows to train on; `report` counts them and the others."""
    for outcome in outcomes:
        if isinstance(outcome, BadRecord):
            if policy.bad_rows == "stop":
                raise outcome
            report.bad.append(str(outcome))
        elif outcome is None:
            report.dropped_broken += 1
        elif row := _fitted(outcome, policy, report):
            report.rows += 1
            report.tokens += len(row.ids)
            report.trained_tokens += sum(turn.stop - turn.start for turn in row.turns if turn.weight)
            yield row


def _fitted(row: TokenRow, policy: RowPolicy, report: DataReport) -> TokenRow | None:
    is_longer = len(row.ids) > policy.length
    if is_longer:
        row = row.first(policy.length) if policy.too_long == "truncate" else TokenRow([], [])
        if not row.ids:
            report.dropped_too_long += 1
            return None
    if not any(turn.weight for turn in row.turns):
        report.dropped_without_loss += 1
        return None
    report.truncated += is_longer
    return row


def make_dataset(mixture: Mixture, packing: Packing, *, seed: int, epochs: int | None) -> grain.IterDataset:
    """Batches (`PackedBatch`) of the samples, shuffled anew each pass; the last one is filled with padding.

    Sources are taken by turns, so that any stretch of samples has their shares; each is shuffled by itself and begins
    again when it is through. An epoch is as many samples as the mixture has.

    The iterator's state is small and JSON: `get_state` and `set_state` go on at the next batch.

    Args:
        epochs: None is endless.
    """

    def lay_out(rows: list[list[int]]) -> Any:
        blocks = [[single(mixture[i]) for i in row] for row in rows]
        batch = assemble(blocks, packing.length, packing.rows)
        return replace(
            batch, parent_ids=None
        )  # no sample has a prefix, which lets kernels do that know of none

    return _index_batches(mixture, packing, seed, epochs).map(lay_out)


def count_batches(mixture: Mixture, packing: Packing, *, seed: int, epochs: int) -> int:
    """How many batches `make_dataset` gives."""
    return sum(1 for _ in _index_batches(mixture, packing, seed, epochs))


class _PackWindow(grain.experimental.FlatMapTransform):
    """A window of sample indices to rows of indices."""

    def __init__(self, lengths: Sequence[int], packing: Packing):
        self.lengths, self.packing = lengths, packing
        self.max_fan_out = packing.window

    def flat_map(self, element: np.ndarray) -> list[list[int]]:
        lengths = [self.lengths[i] for i in element]
        rows = plan(lengths, self.packing.length, None if self.packing.packed else 1)
        return [[int(element[i]) for i in row] for row in rows]


def _index_batches(mixture: Mixture, packing: Packing, seed: int, epochs: int | None) -> grain.IterDataset:
    windows = (
        _order(mixture, seed, epochs)
        .batch(packing.window)
        .to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
    )
    return windows.apply(_PackWindow(mixture.lengths, packing)).batch(packing.rows, batch_fn=list)


def _order(mixture: Mixture, seed: int, epochs: int | None) -> grain.MapDataset:
    """The indices of the samples, as they are taken."""
    # Grain's own endless repetition overflows when it is batched.
    passes = _ENDLESS if epochs is None else epochs
    sizes = mixture.sizes
    if len(sizes) == 1:
        return grain.MapDataset.range(sizes[0]).seed(seed).shuffle().repeat(passes)
    starts = accumulate(sizes[:-1], initial=0)
    parts = [
        grain.MapDataset.range(start, start + size).seed((seed + number) % 2**32).shuffle().repeat(_ENDLESS)
        for number, (start, size) in enumerate(zip(starts, sizes, strict=True))
    ]
    mixed = grain.MapDataset.mix(parts, list(mixture.weights))
    return mixed if epochs is None else mixed[: epochs * sum(sizes)]
