"""Attention over packed rows by the splash kernel (Pallas, TPU), which skips what causality and windows rule out.

A row holds many segments, which the kernel tells apart by their ids. It knows no parents.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernels
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as masks
from jax.sharding import NamedSharding, PartitionSpec

from astra_jax.models.rows import Rows, Scores

LANES = 128  # the least that a block, and a head, can be
_BLOCK = 1024  # tokens of queries and of keys that are in fast memory at one time


def splash_kernel(
    order_T: np.ndarray, parts: int, length: int, heads: int, scores: Scores, sliding: bool, interpret: bool
) -> kernels.SplashAttentionKernel:
    """The kernel for queries at places `order_T` of a row, split into `parts`, and all `length` keys of it.

    Raises:
        ValueError: a part is no multiple of 128 tokens.
    """
    block_q, block_kv = _block(len(order_T) // parts), _block(length)
    left = scores.window - 1 if sliding else None
    mask = masks.LocalMask((len(order_T), length), window_size=(left, 0), offset=0)
    mask.q_sequence = order_T.astype(np.int32)
    sizes = kernels.BlockSizes(
        block_q=block_q,
        block_kv=block_kv,
        block_q_dkv=block_q,
        block_kv_dkv=block_kv,
        block_q_dq=block_q,
        block_kv_dq=block_kv,
    )
    return kernels.make_splash_mha(
        masks.MultiHeadMask([mask] * heads),  # one mask for all, however many of them a device has
        block_sizes=sizes,
        head_shards=1,
        q_seq_shards=parts,
        residual_checkpoint_name="attention",
        interpret=interpret,
    )


def kernel_spec(kernel: Any, mesh: jax.sharding.AbstractMesh) -> Any:
    """How `shard_map` hands a kernel to the devices: each of the `context` axis has its part. Anything else goes to
    all.
    """
    if not isinstance(kernel, kernels.SplashAttentionKernel):
        return PartitionSpec()
    return kernel.manual_sharding_spec(NamedSharding(mesh, PartitionSpec(None, "context")))


def splash_attention(
    kernel: kernels.SplashAttentionKernel,
    q_BxTxNxH: jax.Array,
    k_BxSxKxH: jax.Array,
    v_BxSxKxH: jax.Array,
    q_rows: Rows,
    k_rows: Rows,
    scores: Scores,
) -> jax.Array:
    """As `attention.packed_attention`, of the queries of `kernel` over the keys of whole rows."""
    H = q_BxTxNxH.shape[-1]
    padding = [(0, 0)] * 3 + [(0, -H % LANES)]
    q, k, v = (jnp.pad(x, padding).swapaxes(1, 2) for x in (q_BxTxNxH * scores.scale, k_BxSxKxH, v_BxSxKxH))
    out_BxNxTxH: Any = jax.vmap(kernel)(q, k, v, kernels.SegmentIds(q_rows.segments, k_rows.segments))
    return out_BxNxTxH.swapaxes(1, 2)[..., :H]


def _block(tokens: int) -> int:
    """The largest power of two up to 1,024 that divides.

    Raises:
        ValueError: it would be less than 128.
    """
    size = min(tokens & -tokens, _BLOCK)
    if size < LANES:
        raise ValueError(
            f"{tokens} tokens of a row on each device are no multiple of {LANES}, the least block of TPU attention: "
            "choose another row length, or fewer devices on the context axis"
        )
    return size
