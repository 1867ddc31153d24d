"""What SGLang needs on a CPU, without SGLang: packages that stand in for absent ones, and an honest Makefile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "sglang_cpu"


def with_stand_ins(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a fresh, isolated interpreter after the stand-ins; `path` is where else it imports from."""
    head = (
        f"import sys; sys.path[:0] = {[str(TOOL), *map(str, path)]}; import stand_ins; stand_ins.install()\n"
    )
    command = [sys.executable, "-I", "-S", "-c", head + dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_an_absent_package_can_be_imported_from_and_inherited():
    done = with_stand_ins("""
        import torchvision.transforms.functional as functional
        from sgl_kernel.kvcacheio import transfer
        from torchvision.transforms import InterpolationMode

        class Mine(functional.Transform):
            pass

        print(InterpolationMode.BICUBIC.__name__, transfer.__module__, Mine.__mro__[1].__name__)
    """)
    assert done.stdout.split() == ["BICUBIC", "sgl_kernel.kvcacheio", "Transform"], done.stderr


def test_what_is_not_there_does_not_compute():
    done = with_stand_ins("import sgl_kernel; sgl_kernel.rmsnorm(1, 2)")
    assert "NotImplementedError: sgl_kernel.rmsnorm is not available" in done.stderr


def test_an_installed_package_goes_first_and_others_stay_absent(tmp_path):
    (tmp_path / "decord.py").write_text("here = True")
    done = with_stand_ins("import decord; print(decord.here is True); import nothing_of_the_kind", tmp_path)
    assert done.stdout.strip() == "True"
    assert "No module named 'nothing_of_the_kind'" in done.stderr


def test_every_requirement_is_pinned():
    lines = (TOOL / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    assert {pin.partition("==")[0] for pin in pins} >= {"sglang", "torch", "transformers", "xgrammar"}


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_a_machine_without_the_right_python_is_told_in_one_sentence(tmp_path):
    command = ["make", "sglang-cpu", f"SGLANG={tmp_path / 'env'}", "SGLANG_PYTHON=no-such-python"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, timeout=60)
    said, verdict = done.stderr.splitlines()
    assert said.startswith("SGLang needs Python 3.11, which no-such-python is not")
    assert "Error 1" in verdict
    assert not (tmp_path / "env").exists()
