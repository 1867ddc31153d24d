"""Eight devices give the loss and gradients of one, however they share the work, with no more collectives than once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

HERE = Path(__file__).parent
COUNTS = (
    HERE / "collectives.json"
)  # of each case, as they are; lower ones may be written down, higher ones explained

BRIEFLY = [("dense", {"fsdp": 8}), ("dense", {"context": 4}), ("mixture", {"expert": 8})]
REST = [
    ("dense", {"data": 8}),
    ("dense", {"tensor": 2}),
    ("dense", {"fsdp": 4, "tensor": 2}),
    ("dense", {"fsdp": 2, "context": 4}),
    ("dense", {"data": 2, "fsdp": 4}),
    ("sliding", {"context": 2, "fsdp": 2, "tensor": 2}),
    ("mixture", {"fsdp": 2, "expert": 4}),
    ("mixture", {"context": 2, "expert": 2, "tensor": 2}),
]


def run(cases):
    done = subprocess.run(
        [sys.executable, str(HERE / "parallel_steps.py"), json.dumps(cases)],
        env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Involuntary full rematerialization" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(cases):
    counts = json.loads(COUNTS.read_text())
    for (model, sizes), found in zip(cases, run(cases), strict=True):
        name = f"{model} {' '.join(f'{axis}={size}' for axis, size in sizes.items())}"
        assert found["loss"] < 1e-5, name
        assert found["gradients"] < 1e-5, name
        for kind, count in found["collectives"].items() if counts["jax"] == jax.__version__ else ():
            assert count <= counts[name].get(kind, 0), (
                f"{name}: {kind} {count}, once {counts[name].get(kind, 0)}"
            )


@pytest.mark.timeout(900)
def test_axes_that_move_weights_rows_and_tokens():
    check(BRIEFLY)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_other_axes_and_axes_together():
    check(REST)
