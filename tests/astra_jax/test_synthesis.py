"""Synthesis as configurations ask for it."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import pytest

from astra_jax import configuration, synthesis
from astra_jax.cli import main
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.environments import SeedPlan, Settings
from data_synthesis.teacher.server.settings import ServerSettings

ROOT = Path(__file__).parents[2]


def test_a_server_without_its_extra_is_one_sentence(monkeypatch, tmp_path, capsys):
    for name in [name for name in sys.modules if name.startswith("data_synthesis.teacher.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openai", None)  # as if it were not installed
    monkeypatch.chdir(ROOT)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "How tall is Besk?"}\n')
    flags = [f"--config.seeds.path={questions}", f"--config.out_dir={tmp_path / 'out'}"]
    assert main(["synth", "arenas", "--config=configs/synth/arenas_sglang.py", *flags]) == 2
    said = capsys.readouterr().err
    assert "a teacher on a server needs openai: pip install 'astra-jax[synthesis]'" in " ".join(said.split())
    assert "Traceback" not in said


def test_the_configured_defaults_are_those_of_the_library():
    config = configuration.load(ROOT / "configs" / "synth" / "base.py")
    proof = {field.name for field in fields(ProofSettings)} - {"world"}
    assert set(config.proof) == proof
    assert synthesis._settings(config) == Settings()
    plan = SeedPlan("question", Path("questions.jsonl"))
    assert {name: config.seeds[name] for name in config.seeds if hasattr(plan, name) and name != "path"} == {
        field.name: getattr(plan, field.name) for field in fields(plan) if field.name != "path"
    }
    assert ServerSettings(**config.server.to_dict()) == ServerSettings(config.server.model)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_command_runs_on_a_cluster(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.chdir(ROOT)
    command = ["synth", "arenas", "--config=configs/synth/arenas_transcripts.py"]
    for executor in ("local", "ray"):
        out = tmp_path / executor
        assert main([*command, f"--config.executor={executor}", f"--config.out_dir={out}"]) == 0
    for name in ("arenas.jsonl", "rejects.jsonl", "funnel.json"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.parametrize(
    ("budget", "spent", "share"), [(0.0, 5.0, 0.0), (6.0, 2.0, 1.0), (6.0, 6.0, 1e-12), (6.0, 9.0, 1e-12)]
)
def test_workers_keep_to_the_budget_together(budget, spent, share):
    assert synthesis._share(budget, spent, workers=4) == share
