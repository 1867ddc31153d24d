"""A program through the TPU compiler: what it needs on each device, or by how much it does not fit."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import Any

import jax

from astra_jax.planning.chips import GIB
from astra_jax.planning.estimate import Estimate, estimate
from astra_jax.planning.hlo import Module
from astra_jax.planning.programs import Program
from astra_jax.training.settings import BadSetting

_TOO_MUCH = re.compile(r"([\d.]+)([KMGT])\)? (?:of|exceeds available HBM \()\s*([\d.]+)([KMGT])")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True)
class Memory:
    """Bytes on each device at the moment of the peak, and on its host."""

    peak: int
    # What the caller holds, `temporaries` (gradients, activations, gathered weights), and what lies beside.
    parts: dict[str, int]
    host: int


@dataclass(frozen=True)
class Fits:
    memory: Memory
    estimate: Estimate
    compile_seconds: float


@dataclass(frozen=True)
class TooLarge:
    """The compiler gave up: it asked for `needed` bytes, before or beside the arguments, of `available`."""

    needed: int
    available: int
    reason: str
    compile_seconds: float


def compile_program(program: Program, available: int) -> Fits | TooLarge:
    """Compiles `program` for the devices of its mesh; takes seconds where it does not fit, minutes where it does.

    Args:
        available: bytes of a device.

    Raises:
        BadSetting: the program cannot be made with these sizes.
    """
    start = time.perf_counter()
    beside = {name: device_bytes(tree) for name, tree in program.beside.items()}
    held = sum(beside.values()) + device_bytes(program.arguments)
    if held > available:
        return _beyond("without anything computed", held, available, beside, start)
    try:
        lowered = program.lower()
    except ValueError as error:  # a size that the model's kernels cannot have
        raise BadSetting(str(error)) from error
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _too_large(str(error), time.perf_counter() - start)
    memory = _memory(program, compiled.memory_analysis(), beside)
    if memory.peak > available:
        return _beyond("at the peak", memory.peak, available, beside, start)
    found = estimate(Module.parse(compiled.as_text() or ""), program.mesh)
    return Fits(memory, found, time.perf_counter() - start)


def device_bytes(tree: Any) -> int:
    """What the arrays of a tree take on one device, without padding."""
    return sum(
        math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
        for x in jax.tree.leaves(tree)
        if x.sharding.memory_kind != "pinned_host"
    )


def _memory(program: Program, analysis: Any, beside: dict[str, int]) -> Memory:
    parts = {name: device_bytes(tree) for name, tree in program.arguments.items()}
    host = (
        sum(getattr(analysis, f"host_{kind}_size_in_bytes") for kind in ("argument", "temp", "output"))
        - analysis.host_alias_size_in_bytes
    )
    peak = analysis.peak_memory_in_bytes
    parts["temporaries"] = peak - sum(parts.values())
    return Memory(peak + sum(beside.values()), parts | beside, host)


def _beyond(when: str, needed: int, available: int, beside: dict[str, int], start: float) -> TooLarge:
    words = "".join(f", {size / GIB:.2f} GiB of it {name}" for name, size in beside.items())
    reason = f"{needed / GIB:.2f} GiB {when} of {available / GIB:.2f} GiB{words}"
    return TooLarge(needed, available, reason, time.perf_counter() - start)


def _too_large(message: str, seconds: float) -> TooLarge:
    reason = message.splitlines()[0].removeprefix("RESOURCE_EXHAUSTED: ")
    found = _TOO_MUCH.search(message)
    needed, available = (
        (float(found.group(i)) * _UNITS[found.group(i + 1)] for i in (1, 3)) if found else (0.0, 0.0)
    )
    return TooLarge(int(needed), int(available), reason, seconds)
