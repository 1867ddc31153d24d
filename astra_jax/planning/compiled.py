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
from astra_jax.planning.layout import Request, lay_out
from astra_jax.planning.programs import Program, lowered

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
    timed: bool = True  # whether there is code, and with it cycles


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
        BadSetting: as `lowered`.
    """
    start = time.perf_counter()
    if (refused := _held_alone(program, available, start)) is not None:
        return refused
    ready = lowered(program)
    try:
        compiled = ready.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _too_large(str(error), start)
    analysis: Any = compiled.memory_analysis()
    host = (
        sum(getattr(analysis, f"host_{kind}_size_in_bytes") for kind in ("argument", "temp", "output"))
        - analysis.host_alias_size_in_bytes
    )
    memory = _memory(program, analysis.peak_memory_in_bytes, host)
    found = estimate(Module.parse(compiled.as_text() or ""), program.mesh)
    return _within(available, Fits(memory, found, time.perf_counter() - start), program)


def lay_out_program(program: Program, available: int, request: Request) -> Fits | TooLarge:
    """As `compile_program`, without code: in seconds, and without times.

    Args:
        request: asks for the same program.

    Raises:
        BadSetting, CompilerFailed: as `lay_out`.
    """
    start = time.perf_counter()
    if (refused := _held_alone(program, available, start)) is not None:
        return refused
    layout = lay_out(request)
    if isinstance(layout, str):
        return _too_large(layout, start)
    memory = _memory(program, layout.device_bytes, layout.host_bytes)
    found = estimate(Module.parse(layout.text), program.mesh)
    return _within(available, Fits(memory, found, time.perf_counter() - start, timed=False), program)


def device_bytes(tree: Any) -> int:
    """What the arrays of a tree take on one device, without padding."""
    return sum(
        math.prod(x.sharding.shard_shape(x.shape)) * jax.dtypes.itemsize_bits(x.dtype) // 8
        for x in jax.tree.leaves(tree)
        if x.sharding.memory_kind != "pinned_host"
    )


def _memory(program: Program, peak: int, host: int) -> Memory:
    parts = {name: device_bytes(tree) for name, tree in program.arguments.items()}
    parts["temporaries"] = peak - sum(parts.values())
    beside = _beside(program)
    return Memory(peak + sum(beside.values()), parts | beside, host)


def _beside(program: Program) -> dict[str, int]:
    return {name: device_bytes(tree) for name, tree in program.beside.items()}


def _held_alone(program: Program, available: int, start: float) -> TooLarge | None:
    """What is held before anything is computed, if that is too much already."""
    held = sum(_beside(program).values()) + device_bytes(program.arguments)
    if held <= available:
        return None
    return _beyond("without anything computed", held, available, program, time.perf_counter() - start)


def _within(available: int, fits: Fits, program: Program) -> Fits | TooLarge:
    """The compiler does not know of what lies beside."""
    if fits.memory.peak <= available:
        return fits
    return _beyond("at the peak", fits.memory.peak, available, program, fits.compile_seconds)


def _beyond(when: str, needed: int, available: int, program: Program, seconds: float) -> TooLarge:
    words = "".join(f", {size / GIB:.2f} GiB of it {name}" for name, size in _beside(program).items())
    reason = f"{needed / GIB:.2f} GiB {when} of {available / GIB:.2f} GiB{words}"
    return TooLarge(needed, available, reason, seconds)


def _too_large(message: str, start: float) -> TooLarge:
    reason = message.splitlines()[0].removeprefix("RESOURCE_EXHAUSTED: ")
    found = _TOO_MUCH.search(message)
    needed, available = (
        (float(found.group(i)) * _UNITS[found.group(i + 1)] for i in (1, 3)) if found else (0.0, 0.0)
    )
    return TooLarge(int(needed), int(available), reason, time.perf_counter() - start)
