"""What the compiler lays out in memory and sends between devices, without the machine code.

Code takes nine tenths of the compiler's time, and memory and collectives are decided before it. The compiler can write
down what it has decided (XLA's dumps), so a process of its own compiles, and is ended when that is there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from astra_jax.planning.programs import build, lowered
from astra_jax.planning.topology import CompilerFailed, find_slice
from astra_jax.training.settings import BadSetting

_DECIDED = (
    "*.after_optimizations_after_buffer_assignment.txt"  # the first file that is written after the others
)
_PROGRAM = "*.after_optimizations.txt"
_MEMORY = "*.after_optimizations-memory-usage-report.txt"
_TOTAL = re.compile(r"Memory Space: (\w+) .*\nTotal bytes: (\d+)")
_TOO_LARGE = "too_large.txt"  # ours: why the compiler gave up
_IMPOSSIBLE = "impossible.txt"  # ours: why there is no such program
_POLL_S = 0.1
_CHILD = "from astra_jax.planning.layout import compile_until_ended; compile_until_ended()"


@dataclass(frozen=True)
class Request:
    """A program, as another process can build it."""

    kind: str
    config: Mapping[str, Any]
    topology: str
    slices: int


@dataclass(frozen=True)
class Layout:
    device_bytes: int  # arguments, temporaries and what lies unused between them; no code
    host_bytes: int
    text: str  # the compiled program


def lay_out(request: Request, deadline_s: float = 1800.0) -> Layout | str:
    """The layout of a program; or the compiler's words, where it does not fit.

    Raises:
        BadSetting: as `lowered`.
        CompilerFailed: it ended, or ran too long, without having written one down.
    """
    with tempfile.TemporaryDirectory(prefix="astra-plan-") as name:
        folder = Path(name)
        with (folder / "log").open("w") as log:
            command = [sys.executable, "-c", _CHILD, name]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(vars(request)))
                process.stdin.close()
                _wait(process, folder, time.monotonic() + deadline_s)
            finally:
                process.kill()
                process.wait()
        return _read(folder)


def _wait(process: subprocess.Popen, folder: Path, deadline: float) -> None:
    while process.poll() is None and not list(folder.glob(_DECIDED)):
        if time.monotonic() > deadline:
            raise CompilerFailed("the TPU compiler has not laid out the program within its deadline")
        time.sleep(_POLL_S)


def _read(folder: Path) -> Layout | str:
    if (folder / _TOO_LARGE).exists():
        return (folder / _TOO_LARGE).read_text()
    if (folder / _IMPOSSIBLE).exists():
        raise BadSetting((folder / _IMPOSSIBLE).read_text())
    if not list(folder.glob(_DECIDED)):
        last = ((folder / "log").read_text().strip().splitlines() or ["it said nothing"])[-1]
        raise CompilerFailed(f"the TPU compiler ended without a layout: {last}")
    (memory,), (program,) = folder.glob(_MEMORY), folder.glob(_PROGRAM)
    totals = {space: int(size) for space, size in _TOTAL.findall(memory.read_text())}
    return Layout(totals["default"], totals.get("host", 0), program.read_text())


def compile_until_ended() -> None:
    """What the other process does: a request on its standard input, a folder as its argument."""
    folder, request = Path(sys.argv[1]), Request(**json.load(sys.stdin))
    devices = find_slice(request.topology, request.slices).devices()
    try:
        ready = lowered(build(request.kind, ConfigDict(request.config), devices))
    except BadSetting as error:
        (folder / _IMPOSSIBLE).write_text(str(error))
        return
    try:
        ready.compile(compiler_options={"xla_dump_to": str(folder), "xla_dump_hlo_as_text": True})
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        (folder / _TOO_LARGE).write_text(str(error))
