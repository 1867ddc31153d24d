import io
import json

import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from astra_jax.training.metrics import MetricsWriter, check_finite, read_metrics, without_time
from astra_jax.training.progress import StepProgress


def run(folder, steps, last_step=0, clock=0.0):
    writer = MetricsWriter(folder, last_step)
    for step in range(last_step + 1, steps + 1):
        writer(step, {"loss": 1 / step, "time/step": clock + step})
    writer.close()


@given(killed_at=st.integers(0, 9), restored=st.integers(0, 9), cut=st.integers(0, 30))
def test_a_resumed_file_equals_an_uninterrupted_one(tmp_path_factory, killed_at, restored, cut):
    whole, resumed = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("resumed")
    run(whole, 10)
    run(resumed, killed_at)
    with (resumed / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": killed_at + 1, "loss": 1 / (killed_at + 1)})[:cut])
    run(resumed, 10, min(restored, killed_at), clock=100.0)
    assert without_time(read_metrics(resumed)) == without_time(read_metrics(whole))
    assert [record["step"] for record in read_metrics(resumed)] == list(range(1, 11))


def test_figures_are_plain_json_and_what_is_no_number_is_null(tmp_path):
    writer = MetricsWriter(tmp_path)
    writer(1, {"loss": jnp.float32(0.5), "tokens": jnp.int32(7), "bad": float("nan"), "worse": jnp.inf})
    assert read_metrics(tmp_path) == [{"step": 1, "loss": 0.5, "tokens": 7, "bad": None, "worse": None}]


def test_progress_prints_lines_where_there_is_no_terminal():
    out = io.StringIO()
    with StepProgress("sft", 3, console=Console(file=out)) as progress:
        for step in (1, 2, 3):
            progress(step, {"loss": 1.0 / step})
    assert out.getvalue().splitlines() == ["sft 1/3  loss 1", "sft 3/3  loss 0.3333"]


def test_a_gradient_that_is_no_number_stops_a_run_as_a_loss_does():
    """What its optimizer makes of the weights is no number then, though the loss of those before was one."""
    check_finite(3, {"loss": jnp.float32(1), "grad_norm": jnp.float32(1e30)})
    check_finite(3, {"loss": 0.0})  # a step without an update
    with pytest.raises(FloatingPointError, match="the norm of the gradient is nan at step 3"):
        check_finite(3, {"loss": jnp.float32(1), "grad_norm": jnp.float32("nan")})
    with pytest.raises(FloatingPointError, match="the loss is inf at step 3"):
        check_finite(3, {"loss": jnp.inf, "grad_norm": 1.0})


def test_a_full_disk_is_said_with_the_file(tmp_path):
    writer = MetricsWriter(tmp_path)
    (tmp_path / "metrics.jsonl").unlink()
    writer.close()
    writer._file = open("/dev/full", "w")  # noqa: SIM115 - the writer closes it
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}/metrics.jsonl'"):
        writer(1, {"loss": 1.0})
