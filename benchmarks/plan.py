"""Plans of paper-scale steps against their bars: `python -m benchmarks.plan [WORD ...]`.

Minutes of compiling each, so words pick rows by name: `python -m benchmarks.plan 8B`. All figures are the TPU
compiler's estimates; none was measured on a TPU.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ |= {"JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}

from rich.console import Console
from rich.table import Table

from astra_jax import configuration
from astra_jax.planning import find_slice, make_plan

Bars = dict[str, Callable[[dict[str, Any]], tuple[str, bool]]]


@dataclass(frozen=True)
class Row:
    name: str
    step: str
    config: str
    topology: str
    overrides: tuple[str, ...]
    bars: Bars


def _peak_under(gib: float) -> Bars:
    return {
        f"peak under {gib} GiB": lambda p: (f"{p['memory']['peak_gib']:.2f}", p["memory"]["peak_gib"] < gib)
    }


def _time_under(seconds: float) -> Bars:
    """Of the compiler's own estimate, which leaves kernels out."""

    def judge(plan: dict[str, Any]) -> tuple[str, bool]:
        time = plan["time"]
        text = f"{time['compiler_seconds']:.2f} s + {time['attention_seconds']:.2f} s of attention"
        return text, time["compiler_seconds"] < seconds

    return {f"compiler's time under {seconds} s": judge}


def _mfu_from(share: float) -> Bars:
    return {f"MFU bound from {share:.0%}": lambda p: (f"{p['mfu_bound']:.1%}", p["mfu_bound"] >= share)}


FITS: Bars = {"fits": lambda p: (f"{p['memory']['peak_gib']:.2f} GiB", True)}

ROWS = (
    Row("8B SFT", "sft", "sft/qwen3_8b", "v5e-16", (), _peak_under(10.0) | _time_under(2.5)),
    Row("8B SFT", "sft", "sft/qwen3_8b", "v5p-128", ("batch_rows=256",), _peak_under(10.0) | _mfu_from(0.60)),
    Row("14B SFT", "sft", "sft/qwen3_14b", "v5p-64", (), FITS | _mfu_from(0.55)),
    Row("14B SFT", "sft", "sft/qwen3_14b", "v6e-64", (), FITS),
    Row("32B SFT", "sft", "sft/qwen3_32b", "v5p-128", (), FITS | _mfu_from(0.55)),
    Row("32B RL", "rl", "rl/qwen3_32b", "v5p-256", (), FITS),
    Row("30B-A3B SFT", "sft", "sft/qwen3_30b_a3b", "v6e-256", (), FITS),
)


def main() -> None:
    words = sys.argv[1:]
    table = Table(
        "step", "slice", "bar", "figure", "", title="estimates of the TPU compiler, not measurements"
    )
    for row in ROWS:
        if words and not any(word in row.name for word in words):
            continue
        config = configuration.load(f"configs/{row.config}.py", row.overrides)
        plan = make_plan(row.step, config, find_slice(row.topology)).as_json()
        for bar, judge in row.bars.items():
            figure, passed = judge(plan) if plan["fits"] else (plan["memory"]["reason"], False)
            table.add_row(row.name, row.topology, bar, figure, "pass" if passed else "miss")
    Console().print(table)


if __name__ == "__main__":
    main()
