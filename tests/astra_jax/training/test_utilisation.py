from dataclasses import dataclass, replace

import numpy as np
import pytest

from astra_jax.models import abstract_model
from astra_jax.planning.chips import CHIPS
from astra_jax.training.flops import train_flops
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.utilisation import PEAK_TFLOPS, Utilisation
from tests.astra_jax.training.conftest import TINY


@dataclass
class Device:
    device_kind: str


def test_full_rows_need_what_a_plan_counts_but_scores_without_loss_and_padding_needs_nothing():
    model = abstract_model(TINY)
    utilisation = Utilisation.of(model, [Device("TPU v4")] * 2)
    full = pack([single(Sample(np.arange(16), np.ones(16)))] * 3, 16)
    scores = 3 * 2 * TINY.vocab_size * TINY.hidden_size  # forward and backward, of a token
    whole = train_flops(model, rows=3, length=16)
    assert utilisation.flops(full) == pytest.approx(whole - 3 * scores), "a row's last token predicts nothing"
    few = pack([single(Sample(np.arange(16), np.arange(16) < 5))] * 3, 16)
    assert utilisation.flops(few) == pytest.approx(whole - 3 * 12 * scores)
    padded = pack([single(Sample(np.arange(16), np.ones(16)))] * 3, 40, multiple=4)
    assert utilisation.flops(padded) == utilisation.flops(full)
    assert utilisation.metrics(full, 0.5) == {"time/mfu": utilisation.flops(full) / 0.5 / 550e12}
    assert replace(utilisation, backward=1).flops(full) == pytest.approx(utilisation.flops(full) * 2 / 3)


def test_nothing_is_said_of_devices_whose_peak_is_not_known():
    assert Utilisation.of(abstract_model(TINY), [Device("cpu")]).metrics(pack([], 4), 1.0) == {}


def test_a_plans_chips_have_the_same_peak():
    names = {"v2": "TPU v2", "v3": "TPU v3", "v4": "TPU v4", "v5e": "TPU v5 lite", "v5p": "TPU v5"}
    names |= {"v6e": "TPU v6 lite", "tpu7x": "TPU7x"}
    assert {name: PEAK_TFLOPS[names[name]] for name in CHIPS} == {
        c.name: c.peak_tflops for c in CHIPS.values()
    }
