"""What Pallas kernels need, of which the compiler has no estimate: their arithmetic, or the bytes that they read."""

from __future__ import annotations

from collections import Counter

import jax.numpy as jnp

from astra_jax.planning.programs import Program
from astra_jax.training import flops

# Of the peak that kernels are taken to reach: an assumption.
KERNEL_EFFICIENCY = 0.5

# Products of two [T, T]-sided matrices in each kernel of splash attention; the forward pass has two.
_PRODUCTS = {"fwd": 2, "dq": 3, "dkv": 4}
_DECODING = "paged_attention"


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


def cache_bytes(program: Program, calls: Counter[str]) -> float:
    """That the kernels of decoding read on all devices, every slot being full; 0 where decoding is not in kernels."""
    shape, work = program.model.config, program.attention
    seen = sum(
        min(shape.sliding_window, work.length) if k.sliding else work.length for k in shape.layer_kinds
    )
    entry = 2 * shape.num_kv_heads * shape.head_dim * jnp.dtype(shape.compute_dtype).itemsize
    return work.rows * seen * entry * _calls(calls, _DECODING) / shape.num_layers


def uncounted(calls: Counter[str]) -> list[str]:
    """Names of kernels that are in no sum."""
    return sorted(name for name in calls if not any(word in name for word in ("splash", "gmm", _DECODING)))


def _calls(calls: Counter[str], *words: str) -> int:
    return sum(n for name, n in calls.items() if all(word in name for word in words))
