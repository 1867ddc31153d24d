"""Synthesis as configurations ask for it."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

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
