"""The page's scripts, run in node on a small stand-in for the browser's document."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from astra_jax.evaluation import report
from astra_jax.evaluation.report import write_report
from data_synthesis.records import write_records

NODE = shutil.which("node")
SCRIPTS = sorted(Path(report.__file__).parent.glob("*.js"))

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed, so the page's scripts can not be run"
)


def run(page: Path, actions: str, tmp_path: Path):
    """What `actions` printed last, after the page's own script ran."""
    file = tmp_path / "actions.js"
    file.write_text(actions)
    fake = Path(__file__).with_name("fake_dom.js")
    command = [str(NODE), str(fake), str(page), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(run_folder, tmp_path_factory.mktemp("out") / "report.html")


def test_every_script_parses():
    assert len(SCRIPTS) == 7
    for script in SCRIPTS:
        done = subprocess.run([str(NODE), "--check", str(script)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_every_chart_and_episode_is_drawn(page: Path, tmp_path: Path):
    actions = """
        const items = find("li");
        const shown = items.map((item) => { item.fire("click"); return find("article")[0].textContent.length > 200; });
        for (const toggle of find("details")) toggle.fire("toggle");
        const counts = { charts: find("svg", "chart").length, curves: find("path", "curve").length };
        print({ ...counts, all: shown.every(Boolean), items: shown.length });
    """
    drawn = run(page, actions, tmp_path)
    assert drawn == {"charts": 10, "curves": 14, "all": True, "items": 36}


def test_a_chart_answers_to_the_pointer_the_keys_and_the_slider(page: Path, tmp_path: Path):
    actions = """
        const chart = find("svg", "chart")[0];
        const legend = find("div", "legend")[0];
        const seen = [legend.textContent];
        chart.fire("pointermove", { clientX: 0 });
        seen.push(legend.textContent);
        chart.fire("pointerleave");
        chart.fire("keydown", { key: "ArrowLeft" });
        seen.push(legend.textContent);
        const slider = document.getElementById("smoothing");
        slider.value = "0.9";
        slider.fire("input");
        print({ seen, cursor: find("line", "cursor").length, raw: find("path", "raw").length });
    """
    drawn = run(page, actions, tmp_path)
    assert "step" not in drawn["seen"][0]
    assert drawn["seen"][1].endswith("step 0")
    assert drawn["seen"][2].endswith("step 299")
    assert (drawn["cursor"], drawn["raw"]) == (1, 14)


def test_a_filter_and_a_search_keep_what_matches(page: Path, tmp_path: Path):
    actions = """
        const [search] = find("input");
        const stage = find("select")[0];
        stage.value = "=rl"; stage.fire("change");
        const ofStage = text(find("li"));
        search.value = "question 7:"; search.fire("input");
        const found = text(find("li"));
        search.value = "no such words"; search.fire("input");
        print({ ofStage, found, none: find("li").length, says: find("article")[0].textContent });
    """
    seen = run(page, actions, tmp_path)
    assert len(seen["ofStage"]) == 12
    assert all(item.startswith("rl") for item in seen["ofStage"])
    assert len(seen["found"]) == 1
    assert "Question 7:" in seen["found"][0]
    assert (seen["none"], seen["says"]) == (0, "No episodes match.")


def test_keys_move_through_the_list_and_stop_at_its_ends(page: Path, tmp_path: Path):
    actions = """
        const [list] = find("ul");
        const at = () => find("li").findIndex((item) => item.attributes["aria-selected"] === "true");
        const press = (key) => { list.fire("keydown", { key }); return at(); };
        const places = ["ArrowUp", "ArrowDown", "j", "k", "End", "ArrowDown", "Home"].map(press);
        document.fire("keydown", { key: "/", target: {} });
        print({ places, searching: document.focused === find("input")[0] });
    """
    assert run(page, actions, tmp_path) == {"places": [0, 1, 2, 1, 35, 35, 0], "searching": True}


def test_json_keeps_its_spelling_and_other_text_is_left_alone(page: Path, tmp_path: Path):
    texts = [
        '{"a":1.0,"b":[],"c":"x: {y}, \\"z\\""}',
        "1e400",
        "[1, 2",
        "",
        '"</b>"',
        json.dumps([["long"] * 9] * 9),
    ]
    actions = f"print({json.dumps(texts)}.map((given) => jsonBlock(given).textContent))"
    shown = run(page, actions, tmp_path)
    assert shown[0] == '{"a": 1.0, "b": [], "c": "x: {y}, \\"z\\""}'
    assert shown[1:5] == texts[1:5]
    assert json.loads(shown[5]) == json.loads(texts[5])
    assert len(shown[5].splitlines()) == 11


def test_ticks_are_round_and_enclose_the_values(page: Path, tmp_path: Path):
    ranges = [[0, 1], [0.13, 0.19], [-3, 1700], [1e-7, 3e-6], [5, 5]]
    made = run(page, f"print({json.dumps(ranges)}.map(([a, b]) => ticks(a, b, 4)))", tmp_path)
    for (low, high), marks in zip(ranges, made, strict=True):
        assert marks[0] <= low + 1e-12
        assert marks[-1] >= high - 1e-12
        assert 1 <= len(marks) <= 7
    assert made[0] == [0, 0.5, 1]


def test_smoothing_keeps_constants_and_gaps(page: Path, tmp_path: Path):
    points = [[1, 2.0], [2, None], [3, 2.0], [4, 2.0]]
    smoothed = run(page, f"print(smooth({json.dumps(points)}, 0.9))", tmp_path)
    assert smoothed[1] == [2, None]
    assert [value for _, value in smoothed if value is not None] == pytest.approx([2.0] * 3)


def test_arenas_and_trajectories_are_drawn(tmp_path: Path, make):
    write_records(tmp_path / "arenas.jsonl", [make.arena(i) for i in range(10)])
    write_records(tmp_path / "sft.jsonl", [make.trajectory(make.arena(i)) for i in range(10)])
    actions = (
        'print(find("li").map((item) => { item.fire("click"); return find("article")[0].textContent; }))'
    )
    arenas = run(write_report(tmp_path / "arenas.jsonl"), actions, tmp_path)
    assert all('table = {"Oslo": 14, "Lima": 21.0}' in text for text in arenas)
    assert any("reveals" in text and "withheld at first" in text for text in arenas)
    trajectories = run(write_report(tmp_path / "sft.jsonl"), actions, tmp_path)
    assert all("assistant, turn 1" in text and "value" in text for text in trajectories)
