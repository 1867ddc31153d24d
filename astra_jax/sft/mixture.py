"""The samples of a run, from the sources that its configuration names, and their batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grain
from rich.console import Console

from astra_jax.sft.data import DataReport, Mixture, Packing, RowPolicy, count_batches, load_rows, make_dataset
from astra_jax.sft.rows import Rows
from astra_jax.sft.settings import chat_format
from astra_jax.sft.sources import Source, sources_of
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.distributed import is_first, once
from astra_jax.training.run_folder import RunFolder, write_json

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

ROWS_FOLDER = "rows"  # of a run, where no other is named


def load_mixture(config: Config, folder: RunFolder, tokenizer: Tokenizer, console: Console) -> Mixture:
    """The tokenised rows of all sources; `data.json` says what became of each. Raises as `load_rows`."""
    cache = cache_of(config, folder)
    sources = sources_of(config)
    loaded = [_load(config, source, cache, tokenizer) for source in sources]
    reports = {source.name: report for source, (_, report) in zip(sources, loaded, strict=True)}
    total = sum(reports.values(), DataReport())
    if is_first():
        by_source = {name: report.as_json() for name, report in reports.items()}
        write_json(folder.path / "data.json", total.as_json() | {"sources": by_source})
    for name, report in reports.items():
        console.print(f"sft: {f'{name}: ' if len(sources) > 1 else ''}{report.sentence()}", highlight=False)
    return Mixture([rows for rows, _ in loaded], [source.weight for source in sources])


def load_held_out(config: Config, cache: Path, tokenizer: Tokenizer, console: Console) -> Mixture:
    """The tokenised rows of `config.eval.path`. Raises as `load_rows`."""
    rows, report = _load(config, Source("held out", Path(config.eval.path)), cache, tokenizer)
    console.print(f"sft: held out: {report.sentence()}", highlight=False)
    return Mixture([rows], [1.0])


def cache_of(config: Config, folder: RunFolder) -> Path:
    """Where tokenised rows are kept."""
    return Path(config.data.cache) if config.data.cache else folder.path / ROWS_FOLDER


def packing_of(config: Config) -> Packing:
    return Packing(config.data.sequence_length, config.batch_rows, config.data.packed, config.data.window)


def _load(config: Config, source: Source, cache: Path, tokenizer: Tokenizer) -> tuple[Rows, DataReport]:
    """The first process tokenises, all read."""
    policy = RowPolicy(config.data.sequence_length, config.data.too_long, config.data.bad_rows)

    def load() -> tuple[Rows, DataReport]:
        return load_rows(
            source, tokenizer, chat_format(config), policy, cache, processes=config.data.processes
        )

    once(f"tokenised rows of {source.name}", load)
    return load()


def make_batches(config: Config, mixture: Mixture) -> tuple[int, grain.DatasetIterator]:
    """How many steps the run has, and their batches."""
    steps, epochs = config.steps, config.epochs
    packing = packing_of(config)
    dataset = make_dataset(mixture, packing, seed=config.seed, epochs=epochs or None)
    return steps or count_batches(mixture, packing, seed=config.seed, epochs=epochs), iter(dataset)
