"""How full packed rows are, and how long rows take to become tokens: in one process, in several, and from the cache.

    python -m benchmarks.sft_data [--rows FILE] [--tokenizer DIR] [--json FILE]

Without `--rows`: 2,000 procedural arenas of all domains, solved by the oracle. Without `--tokenizer`: the nano
tokenizer of those. Times are medians of three, taken by turns. Rows over a length are left out there. It does not show
a pod's shared disk, nor what packing does for a step's time.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from astra_jax.sft.data import Mixture, Packing, RowPolicy, load_rows, make_dataset
from astra_jax.sft.sources import Source
from astra_jax.tokens import QWEN3, Tokenizer
from astra_jax.tokens.nano import train_tokenizer
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import oracle_trajectory
from data_synthesis.records import write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import make_arenas
from data_synthesis.trajectories.rows import read_rows

ROWS = 2000
# Tokens of a row, and samples that are packed together: of the recipes for TPU, and the paper's length.
PACKED = ((4096, 512), (20480, 512), (20480, 4096))
BATCH = 16
REPEATS = 3


def measure(rows: Path | None, tokenizer: Path | None) -> list[Figure]:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = Source("rows", rows or _procedural(folder))
        directory = tokenizer or _train(source.path, folder / "tokenizer")
        return [*_times(source, directory, folder), *_fills(source, directory, folder)]


def _procedural(folder: Path) -> Path:
    with LocalSandbox() as sandbox:
        write_records(
            folder / "rows.jsonl", (oracle_trajectory(a, sandbox) for a in make_arenas(ROWS, seed=0))
        )
    return folder / "rows.jsonl"


def _train(rows: Path, directory: Path) -> Path:
    train_tokenizer(list(read_rows(rows))[:500], directory)
    return directory


def _times(source: Source, directory: Path, folder: Path) -> list[Figure]:
    def load(processes: int, fresh: bool) -> Callable[[], float]:
        def run() -> float:
            if fresh:
                shutil.rmtree(folder / "cache", ignore_errors=True)
            policy = RowPolicy(20480)
            start = time.perf_counter()
            loaded, _ = load_rows(
                source, Tokenizer(directory), QWEN3, policy, folder / "cache", processes=processes
            )
            return len(loaded) / (time.perf_counter() - start)

        return run

    ways = {"one process": load(1, True), "a process a core": load(0, True), "from the cache": load(0, False)}
    rates = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, run in ways.items():
            rates[name].append(run())
    alone = statistics.median(rates["one process"])
    return [
        Figure(
            name, statistics.median(found), "rows/s", f"{statistics.median(found) / alone:.2f}x one process"
        )
        for name, found in rates.items()
    ]


def _fills(source: Source, directory: Path, folder: Path) -> list[Figure]:
    figures = []
    for length, window in PACKED:
        loaded, report = load_rows(source, Tokenizer(directory), QWEN3, RowPolicy(length), folder / "cache")
        dataset = make_dataset(
            Mixture([loaded], [1.0]), Packing(length, BATCH, window=window), seed=0, epochs=4
        )
        start = time.perf_counter()
        fills = [float((np.asarray(batch.segment_ids) > 0).mean()) for batch in dataset]
        seconds = (time.perf_counter() - start) / len(fills)
        whole = statistics.mean(fills[:-1] or fills)  # the last batch of all is what is left
        of = f"{report.rows} rows, mean {report.tokens / report.rows:.0f} tokens, {report.dropped_too_long} too long"
        figures += [
            Figure(
                f"rows of {length} filled, {window} samples at a time",
                100 * whole,
                "%",
                of,
                "97",
                whole >= 0.97,
            ),
            Figure(f"a batch of {BATCH} x {length} made", 1000 * seconds, "ms"),
        ]
    return figures


if __name__ == "__main__":
    main(
        f"SFT rows to batches, {os.cpu_count()} cores",
        measure,
        rows="rows of any form",
        tokenizer="directory",
    )
