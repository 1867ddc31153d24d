import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from astra_jax.training.checkpoint import CheckpointManager, CheckpointMismatch, SaveFailed
from astra_jax.training.state import TrainState
from tests.astra_jax.training.conftest import full_disk

# Saves one state after the other, each with its step in every array, until it is killed.
SAVE_FOREVER = """
import sys
import jax, jax.numpy as jnp, optax
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.state import TrainState

def state(step):
    params = {"w": jnp.full((64, 64), float(step)), "b": jnp.full(7, float(step))}
    return TrainState(jnp.int32(step), params, optax.adam(1e-3).init(params))

manager = CheckpointManager(sys.argv[1], keep=2)
step = (manager.latest() or 0) + 1
print("ready", flush=True)
while True:
    manager.save(state(step), {"cursor": step, "buffer": ["x" * 1000] * step})
    step += 1
"""


def make_state(step: int, size: int = 64, dtype=jnp.float32) -> TrainState:
    params = {"w": jnp.full((size, size), float(step), dtype), "b": jnp.full(7, float(step), dtype)}
    return TrainState(jnp.int32(step), params, optax.adam(1e-3).init(params))


def test_what_is_restored_is_what_was_saved_bit_for_bit(tmp_path):
    params = {"w": jax.random.normal(jax.random.key(0), (33, 7)), "half": jnp.full(5, 1 / 3, jnp.bfloat16)}
    transform = optax.adamw(1e-3)
    _, opt_state = transform.update(jax.tree.map(jnp.sin, params), transform.init(params), params)
    state = TrainState(jnp.int32(7), params, opt_state)
    extra = {
        "data": {"next_index": 12},
        "episodes": [{"ids": [1, 2], "logprobs": [-0.1, -1e-9]}],
        "none": None,
    }
    with_manager(tmp_path, lambda manager: manager.save(state, extra))
    restored = with_manager(tmp_path, lambda manager: manager.restore(jax.eval_shape(lambda: state)))
    assert restored.extra == extra
    assert jax.tree.structure(restored.state) == jax.tree.structure(state)
    for ours, theirs in zip(jax.tree.leaves(restored.state), jax.tree.leaves(state), strict=True):
        assert ours.dtype == theirs.dtype
        assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def test_the_last_ones_stay(tmp_path):
    def save_five(manager):
        for step in range(1, 6):
            manager.save(make_state(step), {"cursor": step})
        return manager.steps(), manager.restore(make_state(0), 4).extra

    assert with_manager(tmp_path, save_five) == ([4, 5], {"cursor": 4})
    assert sorted(os.listdir(tmp_path)) == ["4", "5"]


def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path):
    with_manager(tmp_path, lambda manager: manager.save(make_state(1)))
    for other in (make_state(0, size=32), make_state(0, dtype=jnp.bfloat16)):
        with pytest.raises(
            CheckpointMismatch, match=r"arrays differ, the first is opt_state/0/mu/.: float32"
        ):
            with_manager(tmp_path, lambda manager, like=other: manager.restore(like))


def test_a_checkpoint_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 3 .*steps: \[1\]"):
        with_manager(
            tmp_path, lambda manager: (manager.save(make_state(1)), manager.restore(make_state(0), 3))
        )


def saved(manager: CheckpointManager, state: TrainState) -> None:
    manager.save(state)
    manager.wait()


@pytest.mark.parametrize("in_background", [False, True])
def test_a_save_that_fails_is_one_sentence_and_leaves_what_was_there(tmp_path, monkeypatch, in_background):
    manager = CheckpointManager(tmp_path, in_background=in_background)
    saved(manager, make_state(1))
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
        with pytest.raises(
            SaveFailed, match=r"step 2 was not saved: it needs [\d,]+ bytes and 10 are free; .* again"
        ):
            manager.save(make_state(2))

    with (
        full_disk(),
        pytest.raises(SaveFailed, match=r"step 3 was not saved \(no space left on the disk\); .* again"),
    ):
        saved(manager, make_state(3))
    again = CheckpointManager(tmp_path)
    assert again.restore(make_state(0)).state.step == 1


def test_a_process_killed_while_it_saves_leaves_only_complete_checkpoints(tmp_path):
    rng = random.Random(0)
    best, seconds = 0, 1.0
    for kill in itertools.count():
        if kill >= 3:  # a full machine may not have saved anything yet
            seconds *= 2
        kill_after(tmp_path, rng.uniform(0.05, 0.8) * seconds)
        manager = CheckpointManager(tmp_path, keep=2)
        steps = manager.steps()
        assert sorted(os.listdir(tmp_path)) == sorted(map(str, steps))  # nothing partial is left
        assert max(steps, default=0) >= best
        best = max(steps, default=0)
        for step in steps:
            restored = manager.restore(make_state(0), step)
            assert restored.extra["cursor"] == len(restored.extra["buffer"]) == step
            assert all((leaf == step).all() for leaf in jax.tree.leaves(restored.state.params))
        manager.close()
        if kill >= 2 and (best or seconds > 60):
            break
    assert best > 0


def kill_after(folder, seconds: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def with_manager(folder, act):
    manager = CheckpointManager(folder, keep=2)
    try:
        return act(manager)
    finally:
        manager.close()
