"""The loss on rows that are not trained on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh

from astra_jax.sft.data import Mixture, Packing, make_dataset
from astra_jax.training.batch import PackedBatch, place, total_weight
from astra_jax.training.state import join_model
from astra_jax.training.step import LossFn


class HeldOut:
    """Calls give the same figures for the same weights, whenever they are made: the rows are packed once, in one order.

    Args:
        graph, frozen: of the model, as `state.split_trained` gives them.
    """

    def __init__(
        self,
        rows: Mixture,
        packing: Packing,
        loss_fn: LossFn,
        graph: nnx.GraphDef,
        frozen: dict | None,
        mesh: Mesh,
    ):
        self._batches = list(make_dataset(rows, packing, seed=0, epochs=1))
        self._frozen, self._mesh = frozen, mesh

        @jax.jit
        def score(params: Any, frozen: Any, batch: PackedBatch) -> dict[str, jax.Array]:
            loss, _ = loss_fn(join_model(graph, params, frozen), batch)
            return {"loss": loss, "weight": total_weight(batch), "tokens": (batch.loss_weights != 0).sum()}

        self._score = score

    def __call__(self, params: Any) -> dict[str, float]:
        """`held_out/loss`, by the weights of the rows' turns, and `held_out/tokens`, those with loss."""
        total: Counter[str] = Counter()
        with jax.set_mesh(self._mesh):
            for batch in self._batches:
                scores = jax.device_get(self._score(params, self._frozen, place(batch, self._mesh)))
                total.update({name: float(value) for name, value in scores.items()})
        return {
            "held_out/loss": total["loss"] / max(total["weight"], 1e-9),
            "held_out/tokens": total["tokens"],
        }
