"""Entry points of synthesis that depend on what is installed."""

from __future__ import annotations

import sys
from pathlib import Path

from astra_jax.cli import main

ROOT = Path(__file__).parents[2]


def test_a_server_without_its_extra_is_one_sentence(monkeypatch, tmp_path, capsys):
    for name in [name for name in sys.modules if name.startswith("data_synthesis.teacher.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)  # as if it were not installed
    monkeypatch.chdir(ROOT)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "How tall is Besk?"}\n')
    flags = [f"--config.seeds.path={questions}", f"--config.out_dir={tmp_path / 'out'}"]
    assert main(["synth", "arenas", "--config=configs/synth/arenas_sglang.py", *flags]) == 2
    said = capsys.readouterr().err
    assert "a teacher on a server needs aiohttp: pip install 'astra-jax[synthesis]'" in " ".join(said.split())
    assert "Traceback" not in said
