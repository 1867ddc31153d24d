"""The time of Pallas kernels, of which the compiler has no estimate, by their arithmetic."""

from __future__ import annotations

from collections import Counter

from astra_jax.planning import flops
from astra_jax.planning.programs import Program

# Of the peak that kernels are taken to reach: an assumption.
KERNEL_EFFICIENCY = 0.5

# Products of two [T, T]-sided matrices in each kernel of splash attention; the forward pass has two.
_PRODUCTS = {"fwd": 2, "dq": 3, "dkv": 4}


def attention_flops(program: Program, calls: Counter[str]) -> float:
    """Of a step's attention kernels on all devices; 0 where attention is not in kernels."""
    found = {part: _calls(calls, "splash", f"_{part}_") for part in _PRODUCTS}
    passes = found["dkv"] or found["fwd"] or 1
    products = sum(found[part] * _PRODUCTS[part] for part in found) / passes
    work = program.attention
    once = flops.causal_flops(program.model.config, work.length) * work.rows
    return once * products / _PRODUCTS["fwd"]


def expert_flops(program: Program, calls: Counter[str]) -> float:
    """Of a step's grouped products, one of three in each `gmm` and `tgmm`; 0 where they are not in kernels."""
    transposed = _calls(calls, "tgmm")
    products = _calls(calls, "gmm")  # the others' names end alike
    passes = transposed or products or 1
    return flops.expert_flops(program.model.config, program.tokens) * products / passes


def uncounted(calls: Counter[str]) -> list[str]:
    """Names of kernels that are in neither sum."""
    return sorted(name for name in calls if "splash" not in name and "gmm" not in name)


def _calls(calls: Counter[str], *words: str) -> int:
    return sum(n for name, n in calls.items() if all(word in name for word in words))
