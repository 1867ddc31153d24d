"""What the TPU compiler says of a program's time and communication, summed over its loops."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from jax.sharding import Mesh

from astra_jax.planning.hlo import Instruction, Module, array_bytes

COLLECTIVES = (
    "all-gather",
    "all-reduce",
    "reduce-scatter",
    "all-to-all",
    "ragged-all-to-all",
    "collective-permute",
    "collective-broadcast",
)
_CYCLES = re.compile(r'"estimated_cycles":"?(\d+)')
_OPERATION = re.compile(r'op_name="([^"]*)"')
_LISTED_GROUPS = re.compile(r"replica_groups=\{(\{[\d,{} ]*\})\}")
_IOTA_GROUPS = re.compile(r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?")
_MESH_GROUPS = re.compile(r"replica_groups=mesh\[([^\]]+)\] \{([^}]*)\}")
_CHANNEL = re.compile(r"channel_id=(\d+)")
_PAIRS = re.compile(r"source_target_pairs=\{(\{[\d,{} ]*\})\}")


@dataclass
class Estimate:
    """Of one device's program, once through. `+` and `*` take it through parts and loops.

    `cycles` are the compiler's own of its fusions: they know neither of kernels (custom calls), which are counted by
    name, nor of communication that computation does not hide.
    """

    cycles: float = 0.0
    collectives: Counter[tuple[str, str]] = field(default_factory=Counter)  # (kind, axes) -> bytes
    launches: Counter[tuple[str, str]] = field(default_factory=Counter)  # (kind, axes) -> how often
    kernels: Counter[str] = field(default_factory=Counter)  # name -> calls
    open_loops: int = 0  # loops whose length is not in the program, counted once

    def add(self, other: Estimate, times: int = 1) -> None:
        self.cycles += other.cycles * times
        self.open_loops += other.open_loops
        _add(self.collectives, other.collectives, times)
        _add(self.launches, other.launches, times)
        _add(self.kernels, other.kernels, times)

    @property
    def bytes_by_axis(self) -> dict[str, int]:
        """Bytes that a device sends or receives, the larger, by the mesh axes that its group runs along."""
        total: Counter[str] = Counter()
        for (_, axes), size in self.collectives.items():
            total[axes] += size
        return dict(sorted(total.items()))


def _add(mine: Counter, theirs: Counter, times: int) -> None:
    for key, value in theirs.items():
        mine[key] += value * times


def estimate(module: Module, mesh: Mesh) -> Estimate:
    """The sum over a program, a loop's body as often as it runs, of a conditional the dearest branch."""
    return _Walk(module, mesh).computation(module.entry)


class _Walk:
    def __init__(self, module: Module, mesh: Mesh):
        self.module, self.mesh = module, mesh
        self._known: dict[str, Estimate] = {}

    def computation(self, name: str) -> Estimate:
        if name not in self._known:
            total = Estimate()
            # A collective that other work hides is in several fusions, pieces of one with one channel.
            channels: set[str] = set()
            for instruction in self.module.computations[name].instructions.values():
                self._instruction(instruction, name, total, channels)
            self._known[name] = total
        return self._known[name]

    def _instruction(self, instruction: Instruction, home: str, total: Estimate, channels: set[str]) -> None:
        if found := _CYCLES.search(instruction.text):
            total.cycles += int(found.group(1))
        if instruction.opcode.removesuffix("-start") in COLLECTIVES:
            self._collective(instruction, home, total, channels)
        elif instruction.opcode == "while":
            trips = self.module.trip_count(instruction)
            total.open_loops += trips is None
            total.add(self.computation(instruction.called("body") or ""), 1 if trips is None else trips)
        elif instruction.opcode == "conditional":
            total.add(max(map(self.computation, instruction.branches), key=_weight))
        elif instruction.opcode == "custom-call" and "tpu_custom_call" in instruction.text:
            total.kernels[_kernel_name(instruction)] += 1
        elif instruction.opcode in ("fusion", "async-start"):
            # Its cycles are its own: what it holds is in them.
            for inner in self.module.computations[instruction.called("calls") or ""].instructions.values():
                held = _CYCLES.sub("", inner.text) if instruction.opcode == "fusion" else inner.text
                self._instruction(
                    replace(inner, text=held), instruction.called("calls") or "", total, channels
                )
        elif instruction.opcode == "call":
            total.add(self.computation(instruction.called("to_apply") or ""))

    def _collective(self, instruction: Instruction, home: str, total: Estimate, channels: set[str]) -> None:
        channel = _CHANNEL.search(instruction.text)
        if channel and channel.group(1) in channels:
            return
        if channel:
            channels.add(channel.group(1))
        key = instruction.opcode.removesuffix("-start"), _axes(instruction.text, self.mesh)
        total.collectives[key] += self._moved(instruction, home)
        total.launches[key] += 1

    def _moved(self, instruction: Instruction, home: str) -> int:
        known = self.module.computations[home].instructions
        given = [sum(array_bytes(known[name].type)) for name in instruction.operands if name in known]
        result = array_bytes(instruction.type)
        # A start's type repeats its operands beside its result.
        out = max(result) if instruction.opcode.endswith("-start") and result else sum(result)
        return max([out, sum(given)])


def _weight(branch: Estimate) -> tuple[float, int]:
    return branch.cycles, sum(branch.collectives.values()) + sum(branch.kernels.values())


def _kernel_name(instruction: Instruction) -> str:
    """What Pallas called it: `splash_mha_fwd_segmented_residuals` of `jit(step)/.../splash_mha_fwd_.../pallas_call`."""
    found = _OPERATION.search(instruction.text)
    names = [name for name in found.group(1).split("/") if name != "pallas_call"] if found else []
    return names[-1].strip() if names else instruction.name


def _axes(text: str, mesh: Mesh) -> str:
    """The mesh axes along which the members of a group differ, joined by `+`; `all` where there is no group."""
    groups = _groups(text)
    if not groups:
        return "all"
    sizes = tuple(mesh.shape.values())
    differ = np.zeros(len(sizes), bool)
    for group in groups:
        places = np.stack(np.unravel_index(group, sizes))
        differ |= (places != places[:, :1]).any(axis=1)
    names = [axis for axis, differs in zip(mesh.shape, differ, strict=True) if differs]
    return "+".join(names) or "none"


def _groups(text: str) -> list[np.ndarray]:
    if found := _MESH_GROUPS.search(text):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", found.group(1)))
        along = [i for i, axis in enumerate(sizes) if f"'{axis}'" in found.group(2)]
        ids = np.arange(np.prod([int(n) for n in sizes.values()])).reshape([int(n) for n in sizes.values()])
        width = int(np.prod([ids.shape[i] for i in along]))
        return list(np.moveaxis(ids, along, range(-len(along), 0)).reshape(-1, width))
    if found := _IOTA_GROUPS.search(text):
        shape, source, order = (
            [int(n) for n in part.split(",")] if part else [] for part in found.groups(default="")
        )
        ids = np.arange(np.prod(source)).reshape(source)
        return list((ids.transpose(order) if order else ids).reshape(shape[0], -1))
    found = _LISTED_GROUPS.search(text) or _PAIRS.search(text)
    if not found:
        return []
    return [
        np.array([int(n) for n in group.split(",")]) for group in re.findall(r"\{([\d,]+)\}", found.group(1))
    ]
