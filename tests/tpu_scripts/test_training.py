"""The very launch.sh, real training: hosts are local processes, joined by jax.distributed on loopback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from astra_jax.training.metrics import read_metrics, without_time
from data_synthesis.records import Message, ToolCall, ToolSpec, Trajectory, write_records

ROOT = Path(__file__).parents[2]
POD = ("--name=pod", "--zone=here")
CITIES = ("Rome", "Oslo", "Lima", "Cairo")
TOOL = ToolSpec(
    name="get_weather",
    description="Weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SMALL = {
    "save_in_background": "true",  # as on TPUs
    "model.init.hidden_size": 16,
    "model.init.ffn_size": 32,
    "model.init.num_layers": 2,
    "model.init.num_heads": 2,
    "model.init.num_kv_heads": 1,
    "model.init.head_dim": 8,
    "tokenizer_vocab": 400,
    "data.sequence_length": 128,
    "data.window": 16,
    "batch_rows": 8,
    "epochs": 0,
    "optimizer.name": "adamw",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """What all hosts see: the rows, compiled programs, and the folders of runs."""
    folder = tmp_path_factory.mktemp("shared")
    write_records(folder / "rows.jsonl", map(trajectory, range(24)))
    return folder


def trajectory(number: int) -> Trajectory:
    city = CITIES[number % len(CITIES)]
    call = ToolCall(id="c0", name="get_weather", arguments={"city": city})
    answer = f"It is {10 + number % 7} degrees in {city}."
    return Trajectory(
        messages=[
            Message(role="user", content=f"How warm is it in {city}?"),
            Message(role="assistant", tool_calls=[call]),
            Message(role="tool", content=f'{{"celsius": {10 + number % 7}}}', tool_call_id="c0"),
            Message(role="assistant", content=answer),
        ],
        tools=[TOOL],
    )


def sft(shared: Path, run: str, **settings) -> list[str]:
    """The command after `astra`."""
    fields = SMALL | {"run_dir": shared / run, "data.path": shared / "rows.jsonl"} | settings
    config = [f"--config.{key}={value}" for key, value in fields.items()]
    return ["sft", f"--config={ROOT}/configs/sft/nano.py", *config]


def environ(shared: Path) -> dict[str, str]:
    """Tiny programs compile longer than they run."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(shared / "compiled"),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def in_one_process(shared: Path, devices: int, command: list[str]) -> None:
    """The same run on as many devices of one process."""
    ours = environ(shared) | {"JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu"}
    code = "import sys; from astra_jax.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, env=os.environ | ours, check=True)


def launch(cloud, *command: str, restarts: int = 0, **options) -> subprocess.Popen:
    flags = ("--no-sync", "--poll=2", f"--restarts={restarts}")
    return cloud.start("launch.sh", *POD, *flags, "--", *command, f"--port={cloud.port}", **options)


def end(process: subprocess.Popen) -> tuple[int, str]:
    _, errors = process.communicate(timeout=280)
    return process.returncode, errors


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "hf" / "model.safetensors")


def same_bits(one: Path, other: Path) -> bool:
    ours, theirs = weights(one), weights(other)
    return {name: x.tobytes() for name, x in ours.items()} == {
        name: x.tobytes() for name, x in theirs.items()
    }


def wait_for_step(run: Path, step: int) -> None:
    deadline = time.monotonic() + 200
    while not any(record["step"] >= step for record in read_metrics(run)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_two_processes_train_as_one_does_bit_for_bit(cloud, shared):
    """With two devices there is one order in which a sum can be taken."""
    cloud.make(2, devices=1, **environ(shared)).sync()
    settings = {"steps": 2, "batch_rows": 2, "checkpoint_every": 1}
    status, errors = end(launch(cloud, *sft(shared, "two", **settings)))
    assert status == 0, errors
    in_one_process(shared, 2, sft(shared, "one", **settings))
    assert same_bits(shared / "two", shared / "one")
    assert without_time(read_metrics(shared / "two")) == without_time(read_metrics(shared / "one"))
    names = {path.name for path in (shared / "two").iterdir() if not path.name.startswith(".")}
    assert names == {path.name for path in (shared / "one").iterdir() if path.name != ".lock"} | {"logs"}
    logs = [(shared / "two" / "logs" / f"host_{index:03d}.log").read_text() for index in range(2)]
    assert [f"process {index} (" in log and "sft 2/2" in log for index, log in enumerate(logs)] == [
        True,
        True,
    ]


def test_a_host_with_other_code_is_named_and_nothing_starts(cloud, shared):
    cloud.make(2, **environ(shared)).sync()
    with (cloud.home(1) / "astra" / "astra_jax" / "sharding.py").open("a") as file:
        file.write("# a fix on one host\n")
    status, errors = end(launch(cloud, *sft(shared, "differs", steps=1)))
    assert status == 2
    assert errors.count("process 1 (") == 2
    assert "has other code than process 0 (" in errors
    assert not (shared / "differs").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pod_trains_survives_a_death_and_goes_on_with_other_processes(cloud, shared):
    settings = {"steps": 6, "checkpoint_every": 2}
    cloud.make(4, devices=2, **environ(shared)).sync()
    status, errors = end(launch(cloud, *sft(shared, "whole", **settings)))
    assert status == 0, errors

    # One process on eight devices adds in another order.
    in_one_process(shared, 8, sft(shared, "alone", **settings))
    ours, theirs = (without_time(read_metrics(shared / run)) for run in ("whole", "alone"))
    for step, other in zip(ours, theirs, strict=True):
        assert step == pytest.approx(other, rel=1e-5)

    # The death of a worker.
    watching = launch(cloud, *sft(shared, "cut", **settings))
    wait_for_step(shared / "cut", 3)
    os.kill(cloud.process(2), signal.SIGKILL)
    died = time.monotonic()
    status, errors = end(watching)
    assert (status, time.monotonic() - died < 60) == (75, True)
    for index in (0, 1, 3):
        last = (shared / "cut" / "logs" / f"host_{index:03d}.log").read_text().splitlines()[-1]
        assert last.startswith("astra: process 2 (")
        assert last.endswith("the same command on all hosts goes on from the last checkpoint")
    assert not (shared / "cut" / "final.json").exists()

    # On two hosts of four devices, the rest of the run, to the last bit.
    cloud.make(2, devices=4, **environ(shared))
    status, errors = end(launch(cloud, *sft(shared, "cut", **settings)))
    assert status == 0, errors
    assert same_bits(shared / "cut", shared / "whole")
    assert without_time(read_metrics(shared / "cut")) == ours


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pod_that_is_told_to_stop_saves_together_and_launch_starts_it_again(cloud, shared):
    """With weights and optimizer split over processes."""
    settings = {"steps": 8, "checkpoint_every": 100, "mesh.data": 2, "mesh.fsdp": 2}
    cloud.make(2, devices=2, **environ(shared)).sync()
    watching = launch(cloud, *sft(shared, "stopped", **settings), restarts=1)
    wait_for_step(shared / "stopped", 2)
    os.kill(cloud.process(1), signal.SIGTERM)
    status, errors = end(watching)
    assert status == 0, errors
    assert "the run was interrupted (status 75); restart 1 of 1" in errors
    logs = [(shared / "stopped" / "logs" / f"host_{index:03d}.log").read_text() for index in range(2)]
    ends = [
        [line for line in log.splitlines() if line.startswith("astra: stopped after step ")] for log in logs
    ]
    assert ends[0] == ends[1]
    assert len(ends[0]) == 1
    assert end(launch(cloud, *sft(shared, "undisturbed", **settings)))[0] == 0
    assert same_bits(shared / "stopped", shared / "undisturbed")
