"""Tiny plans through the real TPU compiler: what memory and communication they need must not grow unseen."""

import dataclasses
import json
import math
from pathlib import Path
from typing import get_args

import jax
import pytest

from astra_jax import configuration
from astra_jax.cli import main
from astra_jax.models.config import Remat
from astra_jax.planning import find_slice, make_plan, programs
from astra_jax.planning.compiled import Fits, Memory, TooLarge
from astra_jax.planning.estimate import Estimate
from astra_jax.planning.plan import Plan
from astra_jax.planning.search import Trial, largest_batch, pareto_front, remedies, sweep
from astra_jax.planning.shapes import preset

MIB = 2**20


TINY = dataclasses.replace(
    preset("qwen3_0_6b"),
    num_layers=5,
    vocab_size=1024,
    hidden_size=256,
    ffn_size=512,
    num_heads=4,
    num_kv_heads=2,
)
MIXTURE = dataclasses.replace(
    TINY, family="qwen3_moe", num_experts=8, experts_per_token=2, expert_ffn_size=256, ffn_size=0
)


@pytest.fixture
def shaped(monkeypatch):
    """Makes configurations' shapes this one."""

    def use(shape):
        monkeypatch.setattr(programs, "shape_of", lambda config: shape)

    return use


@pytest.fixture
def tiny(shaped):
    shaped(TINY)


def sft(**changes):
    fields = {"batch_rows": 8, "data.sequence_length": 256, "logits_chunk": 256} | changes
    return configuration.load(
        "configs/sft/qwen3_0_6b.py", [f"{key}={value}" for key, value in fields.items()]
    )


@pytest.fixture
def config():
    return sft()


def test_a_tiny_update_fits_and_says_what_fills_the_memory(tpu_compiler, tiny, config):
    plan = make_plan("sft", config, find_slice("v5e-4"))
    written = json.loads(json.dumps(plan.as_json()))
    assert written["fits"]
    parts = written["memory"]["parts_gib"]
    assert set(parts) == {"parameters", "optimizer state", "batch", "temporaries"}
    assert parts["optimizer state"] == pytest.approx(2 * parts["parameters"], abs=2e-3)
    assert isinstance(plan.result, Fits)
    assert sum(plan.result.memory.parts.values()) == plan.result.memory.peak
    # Guards against growth: a copy of the weights more on each device, or a gather more of them, is more than this.
    assert plan.result.memory.peak < 36 * MIB
    assert plan.result.estimate.bytes_by_axis["fsdp"] < 34 * MIB
    assert set(plan.result.estimate.bytes_by_axis) <= {"fsdp"}
    assert plan.result.estimate.open_loops == 0
    assert plan.attention_seconds > 0
    assert 0 < plan.mfu_bound < 1


def test_tiny_decoding_reads_pages_by_a_kernel_and_copies_no_cache(tpu_compiler, tiny):
    changes = ["mesh.tensor=2", "engine.slots=8", "engine.context=1024", "engine.decode_tokens=2"]
    plan = make_plan("decode", configuration.load("configs/serve/base.py", changes), find_slice("v5e-4"))
    assert isinstance(plan.result, Fits)
    assert plan.result.estimate.kernels == {"paged_attention": TINY.num_layers * 2}
    # 8 slots of 1,024 entries, keys and values, on each of 4 chips; for each of two tokens once.
    cache = TINY.num_layers * 8 * 1024 * 2 * (2 * 128) * 2 / 4
    assert plan.attention_seconds == pytest.approx(2 * cache / 819e9)
    assert plan.result.memory.parts["cache"] == cache
    assert plan.result.memory.parts["temporaries"] < cache / 2


@pytest.mark.slow
def test_a_tiny_mixture_is_compiled_with_its_experts_apart(tpu_compiler, shaped):
    shaped(MIXTURE)
    plan = make_plan("sft", sft(**{"mesh.expert": 2}), find_slice("v5e-4"))
    assert isinstance(plan.result, Fits)
    kernels = plan.result.estimate.kernels
    products = {name.strip("()").removeprefix("jit("): n for name, n in kernels.items() if "gmm" in name}
    # Three forward, the same again, three for the inputs' gradients; three for the weights'.
    assert products == {"gmm": 5 * 9, "tgmm": 5 * 3}
    assert plan.expert_seconds > 0
    # Along `expert` tokens travel, and what experts give; their weights do not.
    assert plan.result.estimate.bytes_by_axis["expert"] < 0.1 * MIB
    assert plan.result.estimate.bytes_by_axis["fsdp"] < 18 * MIB


def test_what_does_not_fit_is_said_by_the_compiler_in_its_own_figures(tpu_compiler, shaped):
    shaped(dataclasses.replace(TINY, vocab_size=131_072))
    large = {"batch_rows": 64, "data.sequence_length": 4096, "logits_chunk": 0}
    plan = make_plan("sft", sft(**large), find_slice("v5e-4"))
    assert isinstance(plan.result, TooLarge)
    assert plan.result.needed > plan.result.available > 15 * 2**30
    assert not plan.as_json()["fits"]


def rl(**changes):
    fields = {
        "group_size": 2,
        "groups_per_batch": 2,
        "row_length": 256,
        "micro_rows": 4,
        "share_prompts": False,
        "engine_tensor": 2,
        "engine.context": 256,
        "engine.slots": 2,
        "engine.prefill_tokens": 64,
        "engine.decode_tokens": 2,
    } | changes
    return configuration.load("configs/rl/base.py", [f"{key}={value}" for key, value in fields.items()])


def test_the_engine_and_the_trainer_of_rl_are_counted_beside_each_other(tpu_compiler, tiny):
    where = find_slice("v5e-4")
    of_episodes = {"algorithm": "gspo", "correction.sequence": "mask", "kl_coefficient": 0.1}
    config = rl(**{"mesh.fsdp": 4} | of_episodes)
    plans = {kind: make_plan(kind, config, where) for kind in ("rl", "decode")}
    parts = {kind: plan.as_json()["memory"]["parts_gib"] for kind, plan in plans.items()}
    assert {"engine's weights", "engine's cache", "reference's weights"} < set(parts["rl"])
    assert parts["decode"]["reference's weights"] == parts["rl"]["reference's weights"] > 0
    assert parts["decode"]["trainer's optimizer state"] == parts["rl"]["optimizer state"] > 0
    assert parts["decode"]["cache"] == parts["rl"]["engine's cache"] > 0
    assert plans["decode"].program.mesh.shape["tensor"] == 2
    for plan in plans.values():
        assert isinstance(plan.result, Fits)
        assert sum(plan.result.memory.parts.values()) == plan.result.memory.peak


@pytest.mark.parametrize("kind", ["rl", "decode"])
def test_what_fits_alone_and_not_beside_the_other_does_not_fit(tpu_compiler, tiny, kind):
    slots = 40_000_000 // 256  # of 2 KiB a token, of which a device has half
    config = rl(**{"mesh.fsdp": 4, "engine.slots": slots})
    plan = make_plan(kind, config, find_slice("v5e-4"))
    assert isinstance(plan.result, TooLarge)
    assert plan.result.needed > plan.result.available == round(15.75 * 2**30)
    assert "GiB without anything computed of 15.75 GiB" in plan.result.reason


class Compiler:
    """Stands in for the TPU's: so much memory for each row at one time, less with a chunk and with remat."""

    def __init__(self, room: int, row: int):
        self.room, self.row, self.asked = room, row, []

    def __call__(self, program, available, request=None):
        rows = program.arguments["batch"].tokens.shape[0]
        need = rows * self.row
        self.asked.append(rows)
        if need > self.room:
            return TooLarge(need, self.room, f"{need} exceeds {self.room}", 0.0)
        return Fits(Memory(need, {"temporaries": need}, 0), Estimate(cycles=1e9), 0.0)


@pytest.fixture
def compiler(monkeypatch, tiny):
    def install(room: int, row: int) -> Compiler:
        stand_in = Compiler(room, row)
        monkeypatch.setattr("astra_jax.planning.plan.compile_program", stand_in)
        monkeypatch.setattr("astra_jax.planning.plan.lay_out_program", stand_in)
        monkeypatch.setattr("astra_jax.planning.topology.Slice.devices", lambda self: jax.devices())
        return stand_in

    return install


@pytest.fixture
def one_device():
    return sft(batch_rows=2, **{"mesh.fsdp": 1})


def test_the_largest_batch_is_the_last_that_fits(compiler, one_device):
    asked = compiler(room=1300, row=100).asked
    where = find_slice("v5e-1")
    plan = make_plan("sft", one_device, where)
    trials = list(largest_batch("sft", plan, one_device, where))
    assert max(trial.changes["batch_rows"] for trial in trials if trial.fits) == 13
    assert asked == [2, 4, 8, 16, 12, 14, 13]


def test_remedies_are_tried_and_end_with_the_first_that_fits(compiler, one_device):
    compiler(room=100, row=100)
    where = find_slice("v5e-1")
    trials = list(remedies("sft", one_device, where))
    assert not trials[0].fits
    assert all(not trial.fits for trial in trials)
    assert "logits_chunk" not in trials[0].changes, "a chunk of 256 is as small as is tried"


def test_the_front_holds_what_nothing_beats_in_both_memory_and_time(compiler, one_device):
    compiler(room=10_000, row=100)
    where = find_slice("v5e-1")
    base = make_plan("sft", one_device, where)

    def trial(peak: int, cycles: float) -> Trial:
        result = Fits(Memory(peak, {"temporaries": peak}, 0), Estimate(cycles=cycles), 0.0)
        return Trial({"peak": peak}, Plan(base.program, where, result))

    trials = [trial(9, 1e9), trial(5, 2e9), trial(7, 3e9), trial(3, 4e9), Trial({}, None, "does not divide")]
    assert [t.changes["peak"] for t in pareto_front(trials)] == [9, 5, 3]


@pytest.mark.slow
def test_a_sweep_through_the_real_compiler_leaves_what_nothing_beats(tpu_compiler, tiny):
    config = sft(batch_rows=8, **{"mesh.fsdp": 1})
    policies = list(sweep("sft", config, find_slice("v5e-1")))
    assert [trial.changes["model.remat"] for trial in policies] == list(get_args(Remat))
    engine = configuration.load(
        "configs/serve/base.py", ["engine.slots=8", "engine.context=1024", "engine.decode_tokens=1"]
    )
    meshes = list(sweep("decode", engine, find_slice("v5e-4")))
    assert {trial.changes["mesh.tensor"] for trial in meshes} == {1, 2, 4}
    for trials in (policies, meshes):
        for trial in trials:
            assert trial.fits or trial.problem, trial.words()
        front = pareto_front(trials)
        measured = [(t.plan.seconds, t.plan.result.memory.peak) for t in trials if t.fits]
        for trial in front:
            seconds, peak = trial.plan.seconds, trial.plan.result.memory.peak
            assert not any((s <= seconds and p < peak) or (s < seconds and p <= peak) for s, p in measured)
        assert min(p for _, p in measured) == front[-1].plan.result.memory.peak


def test_a_typo_in_the_slice_is_one_sentence_and_status_2(capsys):
    assert main(["plan", "--config=configs/sft/qwen3_8b.py", "--topology=v5e-15"]) == 2
    assert "did you mean v5e-1" in capsys.readouterr().err


def test_a_typo_in_the_shape_is_one_sentence_and_status_2(tpu_compiler, capsys):
    arguments = ["plan", "--config=configs/sft/qwen3_8b.py", "--topology=v5e-16", "--config.preset=qwen3_9b"]
    assert main(arguments) == 2
    assert "config.preset is 'qwen3_9b'; did you mean qwen3_8b?" in capsys.readouterr().err


def test_a_step_that_a_configuration_has_not_is_named(tpu_compiler, capsys):
    arguments = ["plan", "--config=configs/sft/qwen3_8b.py", "--topology=v5e-16", "--step=rl"]
    assert main(arguments) == 2
    assert "has no 'rl' step; it has: sft" in capsys.readouterr().err


def test_remedies_keep_less_and_less_for_the_backward_pass(compiler):
    compiler(room=100, row=100)
    config = sft(batch_rows=2, **{"mesh.fsdp": 1, "model.remat": "projections"})
    changes = [trial.changes for trial in remedies("sft", config, find_slice("v5e-1"))]
    assert [c["model.remat"] for c in changes if set(c) == {"model.remat"}] == [
        "attention",
        "full",
        "offload",
    ]


def test_a_sweep_leaves_out_devices_that_only_sample(compiler):
    compiler(room=1, row=1)
    recipe = Path(__file__).parents[3] / "configs" / "rl" / "nano.py"
    config = configuration.load(recipe, ["engine_devices=2", "preset=qwen3_8b"])
    meshes = [trial.changes for trial in sweep("rl", config, find_slice("v5e-8"))]
    assert meshes
    assert {math.prod(size for key, size in mesh.items() if key.startswith("mesh.")) for mesh in meshes} == {
        6
    }
