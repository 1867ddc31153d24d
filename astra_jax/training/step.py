"""One update: loss, gradient, optimizer. It knows no algorithm: any loss that is a sum over tokens will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from astra_jax.sharding import constrain
from astra_jax.training.batch import PackedBatch, total_weight
from astra_jax.training.diagnostics import Diagnostics, reduce_all
from astra_jax.training.optimizer import Optimizer
from astra_jax.training.state import TrainState, join_model

# (model, batch) -> the loss summed over the batch's tokens, not yet divided, and its diagnostics.
LossFn = Callable[[Any, PackedBatch], tuple[jax.Array, Diagnostics]]
TrainStep = Callable[[TrainState, PackedBatch], tuple[TrainState, dict[str, jax.Array]]]

# What the TPU compiler does better with, by its own estimates; it then takes two to three times as long
# (`python -m benchmarks.plan options 14B v5p-64`).
TPU_OPTIONS = {
    # More fast memory for each product.
    "xla_tpu_scoped_vmem_limit_kib": "65536",
    # Weights are gathered whole. Products with one device's slice after the other are narrow, and slow.
    "xla_jf_spmd_threshold_for_windowed_einsum_mib": "1000000",
}


def make_train_step(
    graph: nnx.GraphDef,
    optimizer: Optimizer,
    loss_fn: LossFn,
    *,
    denominator: Callable[[PackedBatch], jax.Array] = total_weight,
    micro_batches: int = 1,
    shardings: TrainState | None = None,
    dtypes: Any = None,
    frozen: Any = None,
) -> TrainStep:
    """A compiled `(state, batch) -> (state, metrics)`.

    The loss is `sum of loss_fn over micro-batches / denominator(whole batch)`: the denominator is computed
    before the batch is split, so the result does not depend on the split.

    Args:
        graph: the model's structure, from `split_model`.
        denominator: what the summed loss is divided by, from the whole batch; 0 (nothing to learn) counts as 1.
        micro_batches: how many equal parts the rows are taken in, one after the other, to save memory. A part
            that is all padding is skipped.
        shardings: where each array of the state lives (a tree like the state's); None on a single device.
        dtypes: in which type the loss reads each weight, from `computed_dtypes`; None: its own. The weight's gradient
            comes in that type, as it would if the model cast it, and a micro-batch's needs that much less memory.
        frozen: the weights that are not in the state, from `state.split_trained`, perhaps abstract: the model has both.

    The buffers of the given state are donated: use only the returned one.

    Metrics: `loss`, `grad_norm` (before clipping), `learning_rate`, `tokens` (with loss), `padding` (fraction),
    and the loss's own diagnostics.
    """

    def step(
        state: TrainState, batch: PackedBatch, frozen: Any = None
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        def loss(params: Any, batch: PackedBatch, scale: jax.Array) -> tuple[jax.Array, Diagnostics]:
            total, diagnostics = loss_fn(join_model(graph, params, frozen), batch)
            return total * scale, diagnostics

        gradient = jax.value_and_grad(loss, has_aux=True)
        tokens = denominator(batch)
        scale = 1.0 / jnp.where(tokens == 0, 1.0, tokens)
        read = state.params if dtypes is None else _cast(state.params, dtypes)
        value, diagnostics, grads = accumulate(gradient, read, batch, scale, micro_batches)
        grads = jax.tree.map(lambda grad, weight: grad.astype(weight.dtype), grads, state.params)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params, state.step)
        params = optax.apply_updates(state.params, updates)
        metrics = {
            "loss": value,
            "grad_norm": optax.tree.norm(grads),
            "learning_rate": optimizer.learning_rate(state.step),
            "tokens": (batch.loss_weights != 0).sum(),
            "padding": (batch.segment_ids == 0).mean(),
            **reduce_all(diagnostics),
        }
        return TrainState(state.step + 1, params, opt_state), metrics

    compiled = jax.jit(
        step,
        donate_argnums=0,
        out_shardings=None if shardings is None else (shardings, None),
        compiler_options=_compiler_options(shardings),
    )
    return compiled if frozen is None else _Beside(compiled, frozen)


@dataclass(frozen=True)
class _Beside:
    """A compiled update with the weights that it leaves as they are."""

    compiled: Any
    frozen: Any

    def __call__(self, state: TrainState, batch: PackedBatch) -> tuple[TrainState, dict[str, jax.Array]]:
        return self.compiled(state, batch, self.frozen)

    def lower(self, state: TrainState, batch: PackedBatch) -> jax.stages.Lowered:
        return self.compiled.lower(state, batch, self.frozen)


def accumulate(
    gradient: Callable, params: Any, batch: PackedBatch, scale: jax.Array, micro_batches: int
) -> tuple[jax.Array, Diagnostics, Any]:
    """Loss, diagnostics (stacked by micro-batch) and gradients of a batch, taken in parts, added in float32."""
    parts = jax.tree.map(lambda x: split_rows(x, micro_batches), batch)
    first = jax.tree.map(lambda x: x[0], parts)
    zeros = jax.tree.map(
        lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(gradient, params, first, scale)
    )
    if micro_batches == 1:
        (value, diagnostics), grads = gradient(params, first, scale)
        return value, jax.tree.map(lambda x: x[None], diagnostics), grads

    def add(carry: Any, part: PackedBatch) -> tuple[Any, Diagnostics]:
        part = jax.tree.map(lambda x: constrain(x, "batch", "time", name="micro-batch"), part)
        (value, diagnostics), grads = jax.lax.cond(
            jnp.any(part.segment_ids > 0), lambda: gradient(params, part, scale), lambda: zeros
        )
        return jax.tree.map(jnp.add, carry, (value, grads)), diagnostics

    (zero_value, _), zero_grads = zeros
    start = (zero_value, jax.tree.map(lambda g: g.astype(jnp.float32), zero_grads))
    (value, grads), diagnostics = jax.lax.scan(add, start, parts)
    return value, diagnostics, grads


def _compiler_options(shardings: TrainState | None) -> dict[str, str]:
    placed = jax.tree.leaves(shardings)
    platform = next(iter(placed[0].device_set)).platform if placed else jax.default_backend()
    return TPU_OPTIONS if platform == "tpu" else {}


def _cast(params: Any, dtypes: Any) -> Any:
    return jax.tree.map(lambda weight, dtype: weight.astype(dtype), params, dtypes)


def split_rows(x: jax.Array, parts: int) -> jax.Array:
    """[B, T] to [parts, B / parts, T]: consecutive rows stay together, and so does the padding at the end.

    Raises:
        ValueError: the rows do not divide.
    """
    rows = x.shape[0]
    if rows % parts:
        raise ValueError(f"a batch of {rows} rows cannot be taken in {parts} equal micro-batches")
    return x.reshape(parts, rows // parts, *x.shape[1:])
