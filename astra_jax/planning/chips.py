"""The TPUs that can be planned for: what one device of each has, and how Google Cloud counts them in a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GIB = 2**30


@dataclass(frozen=True)
class Chip:
    """One kind of TPU. A device is what JAX calls one: a whole chip, or one of its two TensorCores.

    Memory is what the compiler gives to a program (`tests/astra_jax/planning/test_chips.py` asks it). The clock is
    the one at which all matrix units busy make the vendor's peak; a compiler's cycles divided by it are seconds.
    """

    name: str
    hbm_gib: float  # of a device
    peak_tflops: float  # of a device, bfloat16: Google Cloud's page of the chip
    hbm_gbps: float  # of a device, GB a second: the same page
    flops_per_cycle: int  # of a device: matrix units x (their side)² x 2
    devices_per_chip: int = 1
    counts: str = "chips"  # what the number in `v5e-16` counts: chips or cores (two a chip)
    aliases: tuple[str, ...] = ()  # other spellings of the name in an accelerator type
    options: Mapping[str, str] = field(default_factory=dict)  # of `get_topology_desc`

    @property
    def clock_hz(self) -> float:
        return self.peak_tflops * 1e12 / self.flops_per_cycle

    @property
    def hbm_bytes_per_second(self) -> float:
        return self.hbm_gbps * 1e9

    @property
    def hbm_bytes(self) -> int:
        return int(self.hbm_gib * GIB)


_SMALL, _LARGE = 128**2 * 2, 256**2 * 2  # FLOPs a cycle of one matrix unit

CHIPS: dict[str, Chip] = {
    chip.name: chip
    for chip in (
        Chip("v2", 7.48, 23, 350, _SMALL, devices_per_chip=2, counts="cores"),
        Chip("v3", 15.48, 61.5, 450, 2 * _SMALL, devices_per_chip=2, counts="cores"),
        Chip("v4", 30.75, 275, 1228, 8 * _SMALL, counts="cores", options={"chip_config_name": "megacore"}),
        Chip("v5e", 15.75, 197, 819, 4 * _SMALL, aliases=("v5litepod", "v5lite")),
        Chip("v5p", 95.74, 459, 2765, 8 * _SMALL, counts="cores"),
        Chip("v6e", 31.25, 918, 1638, 4 * _LARGE),
        Chip("tpu7x", 94.75, 1153.5, 3690, 4 * _LARGE, devices_per_chip=2, aliases=("v7x", "tpu7")),
    )
}

# Chips of a slice -> its shape. Names with the same count of other shapes are written out: `v5p:2x2x8`.
_FLAT = {1: "1x1", 4: "2x2", 8: "2x4", 16: "4x4", 32: "4x8", 64: "8x8", 128: "8x16", 256: "16x16"}
_LARGE_FLAT = {512: "16x32", 1024: "32x32"}
_CUBE = {
    4: "2x2x1",
    8: "2x2x2",
    16: "2x2x4",
    32: "2x4x4",
    64: "4x4x4",
    128: "4x4x8",
    256: "4x8x8",
    512: "8x8x8",
    1024: "8x8x16",
    2048: "8x16x16",
    4096: "16x16x16",
}
SHAPES: dict[str, dict[int, str]] = {
    "v2": {n: _FLAT[n] for n in (4, 16, 64, 128, 256)},
    "v3": {n: (_FLAT | _LARGE_FLAT)[n] for n in (4, 16, 64, 128, 256, 512, 1024)},
    "v4": _CUBE,
    "v5e": _FLAT,
    "v5p": _CUBE,
    "v6e": _FLAT,
    "tpu7x": _CUBE,
}
