from __future__ import annotations

import importlib.machinery
import importlib.util
import sys

import pytest
from small_benchmarks import FERRY, KILN, LANTERN, SHORT, write_acebench, write_bfcl, write_lines, write_tau2

from data_synthesis.selection.benchmark_formats import BadBenchmark, Function
from data_synthesis.selection.benchmarks import KINDS, load
from data_synthesis.selection.contamination import Contamination

WRITERS = {"bfcl": write_bfcl, "tau2": write_tau2, "acebench": write_acebench}
PROMPTS = {
    "bfcl": {FERRY, SHORT, "再帮我查一下明天早上去北岛的渡轮时刻", "Just text."},
    "tau2": {KILN, "Ask about the opening hours.", "Hours wanted."},
    "acebench": {LANTERN, "Any that is left.", "我想订购九个纸灯笼装饰院子，请在星期五客人到来之前送达"},
}
FUNCTIONS = {
    "bfcl": {"ferry.find": {"harbour", "weekday"}, "water_plants": {"plant"}, "rest": set()},
    "tau2": {"find_kiln": {"kiln_id", "room"}},
    "acebench": {"shop.order": {"item", "count"}},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_gives_its_prompts_and_functions(tmp_path, name: str):
    WRITERS[name](tmp_path)
    found, absent = load([f"{name}={tmp_path}"])
    assert absent == []
    [benchmark] = found
    assert set(benchmark.prompts) == PROMPTS[name]
    assert benchmark.functions == {
        Function(each, frozenset(names)) for each, names in FUNCTIONS[name].items()
    }
    assert str(benchmark).startswith(f"{name} ({tmp_path}): {len(PROMPTS[name])} prompts")


@pytest.mark.parametrize(("name", "module"), [("bfcl", "bfcl_eval"), ("bfcl", "bfcl"), ("tau2", "tau2")])
def test_an_installed_package_is_found_and_not_imported(tmp_path, monkeypatch, name: str, module: str):
    package = tmp_path / module
    WRITERS[name](package)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    only(monkeypatch, tmp_path)
    [benchmark] = load([name])[0]
    assert set(benchmark.prompts) == PROMPTS[name]
    assert benchmark.source.endswith(" 7.1")
    assert module not in sys.modules


def test_a_package_of_the_same_name_is_not_a_benchmark(tmp_path, monkeypatch):
    """PyPI's `tau2` is about magnets, and its `bfcl` about circuits."""
    for module in ("tau2", "bfcl"):
        (tmp_path / module / "data").mkdir(parents=True)
        (tmp_path / module / "__init__.py").touch()
    only(monkeypatch, tmp_path)
    found, absent = load(["bfcl", "tau2", "acebench"])
    assert found == []
    assert [each.name for each in absent] == ["bfcl", "tau2", "acebench"]
    assert "neither bfcl-eval nor nvidia-bfcl is installed" in str(absent[0])


def only(monkeypatch, folder) -> None:
    """Lets modules be found in `folder` alone, all of one version."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: "7.1")
    find_spec = importlib.machinery.PathFinder.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: find_spec(name, [str(folder)]))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("bflc", "there is no benchmark `bflc`: known are bfcl, tau2, acebench"),
        ("bfcl=/nowhere", "/nowhere is no folder"),
        ("acebench={here}", "holds no prompt of acebench"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path, spec: str, problem: str):
    with pytest.raises(BadBenchmark, match=problem):
        load([spec.format(here=tmp_path)])


@pytest.mark.parametrize(
    ("name", "file", "content", "problem"),
    [
        ("bfcl", "data/BFCL_v4_x.json", b'{"id": "x", "question": "Wh', "is not JSON"),
        ("bfcl", "data/BFCL_v4_x.json", b"\xff\xfe", "cannot be read"),
        ("tau2", "data/tau2/domains/pottery/tasks.json", b"[{", "is not JSON"),
        ("tau2", "domains/pottery/tools.py", b"def f(:", "is not Python"),
        ("acebench", "data_all/data_en/data_x.json", b"[" * 100_000, "is not JSON"),
    ],
)
def test_a_broken_file_is_named_and_nothing_passes(
    tmp_path, name: str, file: str, content: bytes, problem: str
):
    WRITERS[name](tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadBenchmark, match=problem) as caught:
        load([f"{name}={tmp_path}"])
    assert file.split("/")[-1] in str(caught.value)


@pytest.mark.parametrize(
    "record", [{}, {"question": None, "function": 3}, {"question": [[3, "text"]], "function": [None]}]
)
def test_a_record_without_them_gives_none(tmp_path, record: dict):
    write_bfcl(tmp_path)
    [before] = load([f"bfcl={tmp_path}"])[0]
    write_lines(tmp_path / "data" / "BFCL_v9_odd.json", [record, [], "text"])
    assert load([f"bfcl={tmp_path}"])[0] == [before]


@pytest.mark.parametrize(
    ("name", "prompts", "functions", "known"),
    [
        ("bfcl", 3000, 2000, Function("calculate_triangle_area", frozenset({"base", "height", "unit"}))),
        ("tau2", 300, 60, Function("get_order_details", frozenset({"order_id"}))),
    ],
)
def test_the_real_package(name: str, prompts: int, functions: int, known: Function):
    found, _ = load([name])
    if not found:
        pytest.skip(f"no package that carries {name} is installed")
    for benchmark in found:
        assert len(benchmark.prompts) >= prompts
        assert len(benchmark.functions) >= functions
        assert known in benchmark.functions
        contamination = Contamination([benchmark])
        missed = [each for each in benchmark.prompts if contamination.of_text(each) is None]
        assert len(missed) <= 5  # those without a letter or digit
