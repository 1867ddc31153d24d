"""What share of the devices' arithmetic a step uses (MFU), where their peak is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from astra_jax.models import ModelConfig, Transformer
from astra_jax.training.batch import PackedBatch
from astra_jax.training.flops import backward_of, causal_flops, product_parameters

# Of a device as JAX names it, TFLOP/s in bfloat16: the vendors' pages, dense.
PEAK_TFLOPS = {
    "TPU v2": 23,
    "TPU v3": 61.5,
    "TPU v4": 275,
    "TPU v5 lite": 197,
    "TPU v5": 459,
    "TPU v6 lite": 918,
    "TPU7x": 1153.5,
    "NVIDIA A100-SXM4-40GB": 312,
    "NVIDIA A100-SXM4-80GB": 312,
    "NVIDIA H100 80GB HBM3": 989,
    "NVIDIA H200": 989,
}


@dataclass(frozen=True)
class Utilisation:
    """The arithmetic of a run's updates, by the convention of `training.flops`, against the peak of its devices."""

    shape: ModelConfig
    weights: float  # that a token with loss is multiplied with
    backward: int  # times the forward pass
    peak: float  # FLOP/s of all devices; 0: not known

    @classmethod
    def of(cls, model: Transformer, devices: Sequence[Any]) -> Utilisation:
        peak = 1e12 * sum(PEAK_TFLOPS.get(device.device_kind, 0.0) for device in devices)
        return cls(model.config, product_parameters(model), backward_of(model), peak)

    def flops(self, batch: PackedBatch) -> float:
        """Of an update on a batch of the host: its tokens, the vocabulary's scores of those with loss, and attention
        inside of each segment; padding is none.
        """
        lengths, counts = np.unique(_lengths(np.asarray(batch.segment_ids)), return_counts=True)
        attention = sum(
            n * causal_flops(self.shape, int(length)) for length, n in zip(lengths, counts, strict=True)
        )
        table = self.shape.vocab_size * self.shape.hidden_size
        scored = int(np.count_nonzero(batch.loss_weights))
        products = 2 * ((self.weights - table) * float(lengths @ counts) + table * scored)
        return (1 + self.backward) * (products + attention)

    def metrics(self, batch: PackedBatch, seconds: float) -> dict[str, float]:
        """`time/mfu`; nothing where the peak is not known."""
        return {"time/mfu": self.flops(batch) / seconds / self.peak} if self.peak else {}


def _lengths(segments_BxT: np.ndarray) -> np.ndarray:
    """Tokens of each segment of each row."""
    most = int(segments_BxT.max(initial=0)) + 1
    rows = np.arange(len(segments_BxT))[:, None] * most
    counts = np.bincount((segments_BxT + rows).ravel(), minlength=len(segments_BxT) * most)
    counts = counts.reshape(-1, most)[:, 1:]  # 0 is padding
    return counts[counts > 0]
