"""A TPU slice that is not there, from the name that a user has for it."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from astra_jax.planning.chips import CHIPS, SHAPES, Chip


class UnknownTopology(ValueError):
    """A name of no TPU slice; the message is one sentence with the nearest name."""


class NoCompiler(RuntimeError):
    """The TPU compiler is not installed; the message says how to."""


class CompilerFailed(RuntimeError):
    """The TPU compiler gave no answer; the message has its last words."""


@dataclass(frozen=True)
class Slice:
    """`count` TPU slices of `shape` chips each; more than one are joined by the data centre's network."""

    name: str  # as Google Cloud counts it, or the topology where it has no such name
    chip: Chip
    shape: tuple[int, ...]
    count: int = 1

    @property
    def topology(self) -> str:
        """As the compiler names it: `v5p:4x4x4`."""
        return f"{self.chip.name}:{'x'.join(map(str, self.shape))}"

    @property
    def chips(self) -> int:
        return math.prod(self.shape) * self.count

    @property
    def num_devices(self) -> int:
        return self.chips * self.chip.devices_per_chip

    def devices(self) -> Sequence[Any]:
        """Devices to compile for. Nothing can be run on them.

        Raises:
            NoCompiler: libtpu is not installed.
        """
        return _devices(self.topology, self.count, tuple(self.chip.options.items()))


def find_slice(name: str, count: int = 1) -> Slice:
    """The slice called `name`: `v5e-16`, `v5p-64`, or a topology such as `v5p:4x4x4`.

    Raises:
        UnknownTopology: nothing is called so.
    """
    kind, separator, size = re.fullmatch(r"([^-:=_]+)([-:=_]?)(.*)", name.strip().lower()).groups()  # pyright: ignore[reportOptionalMemberAccess]
    chip = _chip(kind)
    if chip is not None and separator == "-" and size.isdecimal():
        per_chip = 2 if chip.counts == "cores" else 1
        chips, left = divmod(int(size), per_chip)
        if left == 0 and chips in SHAPES[chip.name]:
            return Slice(f"{chip.name}-{size}", chip, _sides(SHAPES[chip.name][chips]), count)
    elif chip is not None and separator and re.fullmatch(r"\d+x\d+(x\d+)?", size):
        shape = _sides(size)
        if len(shape) == len(_sides(next(iter(SHAPES[chip.name].values())))):
            return Slice(_cloud_name(chip, shape), chip, shape, count)
    near = difflib.get_close_matches(name.lower(), list(_names()), n=1, cutoff=0.0)[0]
    raise UnknownTopology(f"there is no TPU slice called {name!r}; did you mean {near}?")


def _chip(kind: str) -> Chip | None:
    return next((chip for chip in CHIPS.values() if kind in (chip.name, *chip.aliases)), None)


def _sides(shape: str) -> tuple[int, ...]:
    return tuple(map(int, shape.split("x")))


def _cloud_name(chip: Chip, shape: tuple[int, ...]) -> str:
    text = "x".join(map(str, shape))
    chips = math.prod(shape)
    if SHAPES[chip.name].get(chips) != text:
        return f"{chip.name}:{text}"
    return f"{chip.name}-{chips * (2 if chip.counts == 'cores' else 1)}"


def _names() -> Iterator[str]:
    for chip in CHIPS.values():
        for chips, shape in SHAPES[chip.name].items():
            for kind in (chip.name, *chip.aliases):
                yield f"{kind}-{chips * (2 if chip.counts == 'cores' else 1)}"
                yield f"{kind}:{shape}"


@cache
def _devices(topology: str, count: int, options: tuple[tuple[str, str], ...]) -> Sequence[Any]:
    from jax.experimental import topologies

    try:
        import libtpu  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise NoCompiler(
            "a plan needs the TPU compiler, libtpu, which is not installed: pip install 'astra-jax[plan]'"
        ) from None
    more: dict[str, Any] = {"num_slices": count} if count > 1 else {}
    if topology.endswith(":1x1"):  # otherwise a host has more chips than the slice
        more["chips_per_host_bounds"] = (1, 1, 1)
    try:
        with _quiet():  # the compiler complains of the TPU and the metadata server that are not there
            found = topologies.get_topology_desc(
                platform="tpu", topology_name=topology, **more, **dict(options)
            )
    except Exception as error:  # the compiler's own words on a shape that the chip is not made in
        raise UnknownTopology(
            f"the TPU compiler knows no slice {topology}: {str(error).splitlines()[0]}"
        ) from error
    return found.devices


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard error goes nowhere, that of libraries in C++ too."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
