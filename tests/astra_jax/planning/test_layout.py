"""A plan without code: the same program, laid out in the same memory."""

import json
import os

import pytest

from astra_jax import configuration
from astra_jax.cli import main
from astra_jax.planning import find_slice, layout, make_plan
from astra_jax.planning.compiled import TooLarge
from astra_jax.planning.topology import CompilerFailed
from astra_jax.training.settings import BadSetting

SMALL = ("batch_rows=4", "data.sequence_length=128", "logits_chunk=128", "micro_batches=1")


def sft(*changes):
    return configuration.load("configs/sft/qwen3_0_6b.py", [*SMALL, *changes])


@pytest.mark.slow
def test_memory_and_collectives_are_those_of_the_whole_plan(tpu_compiler):
    where = find_slice("v5e-4")
    whole, quick = (make_plan("sft", sft(), where, memory_only=only) for only in (False, True))
    ours, theirs = quick.as_json(), whole.as_json()
    moved = [{(x["kind"], x["axes"]): x["gib"] for x in plan["collectives"]} for plan in (ours, theirs)]
    assert moved[0] == pytest.approx(moved[1], abs=2e-3)
    assert moved[0]
    held = ("parameters", "optimizer state", "batch")
    assert [ours["memory"]["parts_gib"][k] for k in held] == [theirs["memory"]["parts_gib"][k] for k in held]
    assert ours["memory"]["peak_gib"] == pytest.approx(theirs["memory"]["peak_gib"], rel=0.08)


def test_it_has_no_times_and_says_what_fills_the_memory(tpu_compiler, tmp_path):
    file = tmp_path / "plan.json"
    fields = [f"--config.{change}" for change in SMALL]
    command = ["plan", "--config=configs/sft/qwen3_0_6b.py", "--topology=v5e-4", "--memory", *fields]
    assert main([*command, f"--json={file}"]) == 0
    (plan,) = json.loads(file.read_text())
    assert plan["fits"]
    assert plan["collectives"]
    assert sum(plan["memory"]["parts_gib"].values()) == pytest.approx(plan["memory"]["peak_gib"], abs=0.003)
    assert not {"time", "mfu_bound", "mfu_without_kernels"} & set(plan)


def test_what_does_not_fit_is_said_in_the_compilers_own_figures(tpu_compiler):
    config = sft("batch_rows=512", "data.sequence_length=4096", "logits_chunk=0", "model.remat=none")
    result = make_plan("sft", config, find_slice("v5e-4"), memory_only=True).result
    assert isinstance(result, TooLarge)
    assert result.needed > result.available > 15 * 2**30


def test_sizes_that_a_kernel_cannot_have_are_a_mistake_of_the_configuration(tpu_compiler):
    with pytest.raises(BadSetting, match="axis 'batch' of size 1 does not divide over 4 devices"):
        make_plan("sft", sft("batch_rows=4", "micro_batches=4"), find_slice("v5e-4"), memory_only=True)


def stand_in(monkeypatch, script: str) -> None:
    """Something else than the compiler."""
    monkeypatch.setattr(layout, "_CHILD", script)


def test_a_compiler_that_dies_is_an_error_with_its_last_words(monkeypatch):
    stand_in(monkeypatch, "raise SystemExit('no more memory for me')")
    with pytest.raises(CompilerFailed, match="ended without a layout: no more memory for me"):
        layout.lay_out(layout.Request("sft", {}, "v5e:2x2", 1))


def test_a_compiler_that_never_answers_is_ended_at_its_deadline(monkeypatch, tmp_path):
    note = tmp_path / "pid"
    stand_in(
        monkeypatch, f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    with pytest.raises(CompilerFailed, match="within its deadline"):
        layout.lay_out(layout.Request("sft", {}, "v5e:2x2", 1), deadline_s=10)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_whoever_waits_goes_on_when_the_layout_is_there(monkeypatch, tmp_path):
    """Though the compiler, which goes on to code, does not end."""
    names = {
        "m.after_optimizations.txt": "HloModule m",
        "m.after_optimizations-memory-usage-report.txt": "Memory Space: default (color=0)\nTotal bytes: 12 (12B)\n"
        "  Memory Space: vmem (color=1)\nTotal bytes: 5 (5B)\nMemory Space: host (color=4)\nTotal bytes: 7 (7B)\n",
        "m.after_optimizations_after_buffer_assignment.txt": "",
    }
    writes = f"for name, text in {names!r}.items(): open(os.path.join(sys.argv[1], name), 'w').write(text)"
    stand_in(monkeypatch, f"import os, sys, time\n{writes}\ntime.sleep(600)")
    found = layout.lay_out(layout.Request("sft", {}, "v5e:2x2", 1), deadline_s=60)
    assert found == layout.Layout(12, 7, "HloModule m")
