"""The plan of one step of a configuration on one slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from astra_jax.planning import kernels
from astra_jax.planning.chips import GIB
from astra_jax.planning.compiled import Fits, TooLarge, compile_program, lay_out_program
from astra_jax.planning.layout import Request
from astra_jax.planning.programs import Program, build
from astra_jax.planning.topology import Slice
from astra_jax.training import flops

SCHEMA = 2


@dataclass(frozen=True)
class Plan:
    """Figures are the compiler's, not measured; `as_json` documents them."""

    program: Program
    slice: Slice
    result: Fits | TooLarge

    @property
    def fits(self) -> bool:
        return isinstance(self.result, Fits)

    @property
    def attention_seconds(self) -> float:
        """Of the attention kernels: by arithmetic, where they decode by the bytes that they read."""
        calls = self._fits.estimate.kernels
        read = kernels.cache_bytes(self.program, calls) / self.program.mesh.devices.size
        return (
            kernels.attention_flops(self.program, calls) / self._kernel_rate
            + read / self.slice.chip.hbm_bytes_per_second
        )

    @property
    def expert_seconds(self) -> float:
        """Of the grouped products of a mixture, by arithmetic."""
        return kernels.expert_flops(self.program, self._fits.estimate.kernels) / self._kernel_rate

    @property
    def compiler_seconds(self) -> float:
        """Of everything else: the compiler's cycles at the clock of the chip."""
        return self._fits.estimate.cycles / self.slice.chip.clock_hz

    @property
    def seconds(self) -> float:
        return self.compiler_seconds + self.attention_seconds + self.expert_seconds

    @property
    def mfu_bound(self) -> float:
        """Of the chips' peak, what the step's own arithmetic (`training.flops`) would use at that time."""
        return self.program.flops / (self.seconds * self._peak)

    @property
    def mfu_without_kernels(self) -> float:
        """The same at the compiler's own time, which leaves kernels out: what others give as a bound."""
        return self.program.flops / (self.compiler_seconds * self._peak)

    @property
    def _fits(self) -> Fits:
        assert isinstance(self.result, Fits)
        return self.result

    @property
    def _peak(self) -> float:
        """FLOPs a second of all devices."""
        return self.slice.chip.peak_tflops * 1e12 * self.program.mesh.devices.size

    @property
    def _kernel_rate(self) -> float:
        return self._peak * kernels.KERNEL_EFFICIENCY

    def as_json(self) -> dict[str, Any]:
        """`docs/plan.md` says what each field is. Sizes in GiB a device, times in seconds."""
        program, chip = self.program, self.slice.chip
        return {
            "schema": SCHEMA,
            "step": program.kind,
            "model": {
                "family": program.model.config.family,
                "parameters": flops.all_parameters(program.model),
                "remat": program.model.config.remat,
                "compute_dtype": program.model.config.compute_dtype,
            },
            "slice": {
                "name": self.slice.name,
                "topology": self.slice.topology,
                "slices": self.slice.count,
                "chips": self.slice.chips,
                "devices": self.slice.num_devices,
            },
            "mesh": {axis: int(size) for axis, size in program.mesh.shape.items()},
            "work": {"size": program.size, "tokens": program.tokens, "model_flops": program.flops},
            "fits": self.fits,
            "memory": {"available_gib": chip.hbm_gib} | self._memory(),
            "compile_seconds": round(self.result.compile_seconds, 1),
        } | self._speed()

    def _memory(self) -> dict[str, Any]:
        if isinstance(self.result, TooLarge):
            return {"needed_gib": _gib(self.result.needed), "reason": self.result.reason}
        memory = self.result.memory
        return {
            "peak_gib": _gib(memory.peak),
            "parts_gib": {name: _gib(size) for name, size in memory.parts.items()},
            "host_gib": _gib(memory.host),
        }

    def _speed(self) -> dict[str, Any]:
        if isinstance(self.result, TooLarge):
            return {}
        found = self.result.estimate
        collectives = [
            {"kind": kind, "axes": axes, "gib": _gib(size), "launches": found.launches[kind, axes]}
            for (kind, axes), size in sorted(found.collectives.items())
        ]
        if not self.result.timed:
            return {"collectives": collectives}
        return {
            "time": {
                "step_seconds": round(self.seconds, 4),
                "compiler_seconds": round(self.compiler_seconds, 4),
                "attention_seconds": round(self.attention_seconds, 4),
                "expert_seconds": round(self.expert_seconds, 4),
                "kernel_efficiency": kernels.KERNEL_EFFICIENCY,
                "kernels": dict(found.kernels),
                "loops_of_unknown_length": found.open_loops,
            },
            "mfu_bound": round(self.mfu_bound, 4),
            "mfu_without_kernels": round(self.mfu_without_kernels, 4),
            "collectives": collectives,
        }


def make_plan(kind: str, config: Any, where: Slice, *, memory_only: bool = False) -> Plan:
    """Compiles the step `kind` of `config` for a slice that need not be there.

    Args:
        memory_only: memory and collectives alone, which takes seconds where code takes minutes. The bytes are those
            laid out, code excepted: a few in a hundred more or less than at the peak of a whole plan.

    Raises:
        NoCompiler, BadSetting, ShardingError: as `Slice.devices` and `build`.
        CompilerFailed: as `lay_out_program`.
    """
    program, available = build(kind, config, where.devices()), where.chip.hbm_bytes
    if not memory_only:
        return Plan(program, where, compile_program(program, available))
    request = Request(kind, config.to_dict(), where.topology, where.count)
    return Plan(program, where, lay_out_program(program, available, request))


def _gib(size: int) -> float:
    return round(size / GIB, 3)
