"""Plans of paper-scale steps: against their bars, as the table of `docs/plan.md`, and what the compiler's options give.

`python -m benchmarks.plan [bars|table|options] [WORD ...]`. Minutes of compiling each, so words pick rows by name
(`bars 8B`), and a folder (`--plans`) keeps the plans: what it holds is not compiled again. `table --memory` takes
seconds a row and leaves times out where none are kept. All figures are the TPU compiler's estimates; none was measured
on a TPU.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

os.environ |= {"JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}

from rich.console import Console
from rich.table import Table

from astra_jax import configuration
from astra_jax.planning import find_slice, make_plan
from astra_jax.sharding import ShardingError
from astra_jax.training import step
from astra_jax.training.settings import BadSetting

Plan = dict[str, Any]  # `docs/plan.md` says what is in it
Judge = Callable[[Plan], tuple[str, bool]]  # the figure, and whether it passes


@dataclass(frozen=True)
class Row:
    model: str
    step: str
    config: str
    topology: str
    overrides: tuple[str, ...] = ()
    bars: dict[str, Judge] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.model} {self.step} {self.topology}"

    @property
    def command(self) -> str:
        words = [f"--config=configs/{self.config}.py", f"--topology={self.topology}", f"--step={self.step}"]
        return " ".join(["astra plan", *words, *(f"--config.{change}" for change in self.overrides)])

    def plan(self, folder: Path, memory_only: bool = False) -> Plan:
        """Of the folder, or compiled and put there. A row that cannot be planned has `problem`.

        Args:
            memory_only: a whole plan is taken if it is there, and not made.
        """
        words = "_".join([self.step, self.config.replace("/", "_"), self.topology, *self.overrides])
        file = folder / f"{words}.json"
        if memory_only and not file.exists():
            file = folder / f"{words}.memory.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(self._compiled(memory_only), indent=1))
        return json.loads(file.read_text())

    def _compiled(self, memory_only: bool) -> Plan:
        config = configuration.load(f"configs/{self.config}.py", self.overrides)
        try:
            where = find_slice(self.topology)
            return make_plan(self.step, config, where, memory_only=memory_only).as_json()
        except (BadSetting, ShardingError) as error:
            return {"fits": False, "problem": str(error)}


def _peak_under(gib: float) -> dict[str, Judge]:
    return {
        f"peak under {gib} GiB": lambda p: (f"{p['memory']['peak_gib']:.2f}", p["memory"]["peak_gib"] < gib)
    }


def _time_under(seconds: float) -> dict[str, Judge]:
    """Of the compiler's own estimate, which leaves kernels out."""

    def judge(plan: Plan) -> tuple[str, bool]:
        time = plan["time"]
        text = f"{time['compiler_seconds']:.2f} s + {time['attention_seconds']:.2f} s of attention"
        return text, time["compiler_seconds"] < seconds

    return {f"compiler's time under {seconds} s": judge}


def _mfu_from(share: float) -> dict[str, Judge]:
    """Of the compiler's own time, as the bar was set; beside it the bound with kernels at half of the peak."""

    def judge(plan: Plan) -> tuple[str, bool]:
        text = f"{plan['mfu_without_kernels']:.1%}; with kernels {plan['mfu_bound']:.1%}"
        return text, plan["mfu_without_kernels"] >= share

    return {f"MFU bound from {share:.0%}": judge}


FITS: dict[str, Judge] = {"fits": lambda p: (f"{p['memory']['peak_gib']:.2f} GiB", True)}
LESS_MEMORY = ("model.remat=attention", "micro_batches=1")

BARS = (
    Row("8B", "sft", "sft/qwen3_8b", "v5e-16", (), _peak_under(10.0) | _time_under(2.5)),
    Row(
        "8B",
        "sft",
        "sft/qwen3_8b",
        "v5p-128",
        ("batch_rows=256", "logits_chunk=64"),
        _peak_under(10.0) | _mfu_from(0.60),
    ),
    Row("14B", "sft", "sft/qwen3_14b", "v5p-64", (), FITS | _mfu_from(0.55)),
    Row("14B", "sft", "sft/qwen3_14b", "v6e-64", LESS_MEMORY, FITS),
    Row("32B", "sft", "sft/qwen3_32b", "v5p-128", (), FITS | _mfu_from(0.55)),
    Row("32B", "rl", "rl/qwen3_32b", "v5p-256", (), FITS),
    Row("30B-A3B", "sft", "sft/qwen3_30b_a3b", "v6e-256", (), FITS),
)

SLICES = ("v5e-16", "v5p-64", "v6e-256", "tpu7x-16")
PRESETS = {"0.6B": "0_6b", "4B": "4b", "8B": "8b", "14B": "14b", "32B": "32b", "30B-A3B": "30b_a3b"}
WIDE = ("mesh.context=8", *LESS_MEMORY)  # 32 long rows over 256 devices
SFT_CHANGES = {
    ("14B", "v6e-256"): WIDE,
    ("32B", "v6e-256"): WIDE,
    ("32B", "v5p-64"): ("micro_batches=4",),
    ("32B", "tpu7x-16"): ("micro_batches=4",),
}


RL_SLOTS = {"v5e-16": 1, "v5p-64": 8, "v6e-256": 2, "tpu7x-16": 8}  # of an engine: full episodes of the paper


def table_rows() -> Iterator[Row]:
    for step_name in ("decode", "sft", "rl"):
        for model, preset in PRESETS.items():
            for topology in SLICES:
                yield _table_row(step_name, model, preset, topology)


def _table_row(step_name: str, model: str, preset: str, topology: str) -> Row:
    devices = find_slice(topology).num_devices
    if step_name == "decode":
        return Row(model, "decode", "serve/base", topology, (f"preset=qwen3_{preset}",))
    if step_name == "rl":
        changes = (
            f"preset=qwen3_{preset}",
            f"micro_rows={devices // 8}",
            f"engine.slots={RL_SLOTS[topology]}",
        )
        return Row(model, "rl", "rl/qwen3_14b", topology, changes)
    long = model in ("14B", "32B")
    changes = SFT_CHANGES.get((model, topology), ()) if long else (f"batch_rows={devices}",)
    return Row(model, "sft", f"sft/qwen3_{preset}", topology, changes)


def show_bars(rows: list[Row], folder: Path, console: Console) -> None:
    table = Table(
        "row", "bar", "figure", "", "command", title="estimates of the TPU compiler, not measurements"
    )
    for row in rows:
        plan = row.plan(folder)
        for bar, judge in row.bars.items():
            figure, passed = judge(plan) if plan["fits"] else (_why_not(plan), False)
            table.add_row(row.name, bar, figure, "pass" if passed else "miss", row.command)
    console.print(table)


def show_table(rows: list[Row], folder: Path, console: Console, memory_only: bool) -> None:
    """Markdown, a row as soon as it is compiled."""
    console.print(
        "| step | model | slice | mesh | work | peak GiB of | estimated s | MFU at most | command |"
    )
    console.print("| --- " * 9 + "|")
    for row in rows:
        plan = row.plan(folder, memory_only)
        cells = _cells(plan) if plan["fits"] else ["", "", f"does not fit: {_why_not(plan)}", "", ""]
        words = [row.step, row.model, row.topology, *cells, f"`{row.command}`"]
        console.print("| " + " | ".join(words) + " |", soft_wrap=True, markup=False, highlight=False)


def _cells(plan: Plan) -> list[str]:
    mesh = " ".join(f"{axis}={size}" for axis, size in plan["mesh"].items() if size > 1)
    memory = plan["memory"]
    return [
        mesh,
        plan["work"]["size"],
        f"{memory['peak_gib']:.2f} of {memory['available_gib']}",
        *(
            [f"{plan['time']['step_seconds']:.3f}", f"{plan['mfu_bound']:.1%}"]
            if "time" in plan
            else ["", ""]
        ),
    ]


def _why_not(plan: Plan) -> str:
    if "problem" in plan:
        return plan["problem"]
    memory = plan["memory"]
    return f"{memory['needed_gib']:.1f} GiB where there are {memory['available_gib']}"


def show_options(rows: list[Row], folder: Path, console: Console) -> None:
    """The first row with the options of `training.step.TPU_OPTIONS`, and without each of them."""
    table = Table("options", "compiler's time", "peak GiB", title=rows[0].name)
    ways = {"all": step.TPU_OPTIONS} | {
        f"without {name}": {k: v for k, v in step.TPU_OPTIONS.items() if k != name}
        for name in step.TPU_OPTIONS
    }
    for name, options in ways.items():
        with mock.patch.object(step, "TPU_OPTIONS", options):
            plan = rows[0].plan(folder / name.replace(" ", "_"))
        table.add_row(name, f"{plan['time']['compiler_seconds']:.2f} s", f"{plan['memory']['peak_gib']:.2f}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("bars", "table", "options"), default="bars")
    parser.add_argument("words", nargs="*", help="rows whose name has all of them")
    parser.add_argument("--memory", action="store_true", help="of the table: memory alone, seconds a row")
    parser.add_argument("--plans", type=Path, default=Path("runs/plans"), help="folder that keeps plans")
    arguments = parser.parse_args()
    rows = [
        row
        for row in (table_rows() if arguments.what == "table" else BARS)
        if all(word in row.name.split() for word in arguments.words)
    ]
    if not rows:
        parser.error(f"no row has all of {arguments.words}")
    console = Console()
    if arguments.what == "table":
        show_table(rows, arguments.plans, console, arguments.memory)
    else:
        {"bars": show_bars, "options": show_options}[arguments.what](rows, arguments.plans, console)


if __name__ == "__main__":
    main()
