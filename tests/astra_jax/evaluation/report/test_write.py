"""The report as a file: one page, nothing from elsewhere, data never markup, bounded in size, parts may be missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from astra_jax.evaluation.report import write_report
from astra_jax.evaluation.report.view import MAX_TEXT
from data_synthesis.records import write_records

HOSTILE = "</script><script>alert(1)</script><!-- <b>&amp; \u2028 ' \""


class Page(HTMLParser):
    """The elements of a page, and the text of each kind of element."""

    def __init__(self, path: Path):
        super().__init__()
        self.html = path.read_text()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    @property
    def data(self) -> dict:
        return json.loads(self.texts["script"][0])

    @property
    def sections(self) -> list[str]:
        return [attributes["id"] for tag, attributes in self.elements if tag == "section"]


@pytest.fixture(scope="module")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(write_report(run_folder, tmp_path_factory.mktemp("out") / "report.html"))


def test_page_has_every_part_of_a_run(page: Page):
    assert page.sections == ["results", "curves", "counts", "browser", "documents"]
    assert {chart["stage"] for chart in page.data["charts"]} == {"sft", "rl"}
    assert {entry["stage"] for entry in page.data["browser"]["entries"]} == {"random", "sft", "rl"}


def test_page_shows_the_results_that_the_run_wrote(page: Page, run_folder: Path):
    results = json.loads((run_folder / "results.json").read_text())
    cells, intervals = page.texts["b"], page.texts["span"]
    for stage in ("random", "sft", "rl"):
        low, high = results[stage]["ci95"]["recall"]
        assert f"{results[stage]['recall']:.3f}" in cells
        assert f"{low:.3f} to {high:.3f}" in intervals


def test_page_asks_for_nothing_from_elsewhere(page: Page):
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not {"src", "srcset", "action", "style"} & attributes.keys()
        assert (attributes.get("href") or "#").startswith("#")
    style = page.texts["style"][0]
    assert "@import" not in style
    assert "url(" not in style


def test_only_the_page_s_own_style_and_script_may_run(page: Page):
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    for kind, text in (("style", page.texts["style"][0]), ("script", page.texts["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_data_can_not_become_markup(tmp_path: Path, make):
    run = tmp_path / HOSTILE.replace("/", "∕")
    arenas = [make.arena(0)]
    hostile = make.episode(arenas[0], 1.0, 0, answer=HOSTILE)
    hostile.events[0].output = HOSTILE
    write_records(run / "eval" / "rl.jsonl", [hostile])
    write_records(run / "arenas" / "a.jsonl", [make.arena(0).model_copy(update={"domain": HOSTILE})])
    (run / "config.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    (run / "metrics.jsonl").write_text(json.dumps({"step": 0, HOSTILE: 1.0}) + "\n")
    page = Page(write_report(run, tmp_path / "out.html"))
    assert [tag for tag, _ in page.elements].count("script") == 2
    entry = page.data["browser"]["entries"][0]
    assert entry["events"][0]["output"] == HOSTILE
    assert entry["messages"][-1]["content"] == HOSTILE
    assert page.data["charts"][0]["title"] == HOSTILE
    assert HOSTILE.replace("/", "∕") in page.texts["h1"]
    assert HOSTILE in json.loads("".join(page.texts["pre"]))


@pytest.mark.parametrize(
    ("kept", "sections"),
    [
        ({"sft"}, ["curves"]),
        ({"arenas"}, ["counts", "browser"]),
        ({"eval"}, ["browser"]),
        ({"results.json"}, ["results", "counts", "documents"]),
        ({"config.json", "rl"}, ["curves", "documents"]),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else "",
)
def test_parts_may_be_missing(run_folder: Path, tmp_path: Path, kept: set[str], sections: list[str]):
    run = tmp_path / "run"
    shutil.copytree(
        run_folder, run, ignore=lambda at, names: set(names) - kept if Path(at) == run_folder else set()
    )
    page = Page(write_report(run))
    assert page.sections == sections
    if kept == {"eval"}:
        entry = page.data["browser"]["entries"][0]
        assert entry["question"]
        assert entry["gold"] == []


def test_a_single_training_run_is_a_run(run_folder: Path, tmp_path: Path):
    shutil.copytree(run_folder / "rl", tmp_path / "my_rl")
    shutil.copytree(run_folder / "eval", tmp_path / "my_rl" / "samples")
    page = Page(write_report(tmp_path / "my_rl"))
    assert {chart["stage"] for chart in page.data["charts"]} == {"training"}
    assert {entry["stage"] for entry in page.data["browser"]["entries"]} == {"training"}


def test_results_with_unknowns_are_shown_as_unknown(tmp_path: Path):
    unknown = dict.fromkeys(("f1", "recall", "precision", "success", "calls", "turns"))
    rl = {**unknown, "ci95": unknown, "episodes": 4, "unknown": 4, "arenas": 0}
    (tmp_path / "results.json").write_text(json.dumps({"rl": rl, "rl_minus_sft_f1_ci95": None}))
    page = Page(write_report(tmp_path))
    assert page.texts["b"].count("unknown") == 6
    assert not [attributes for tag, attributes in page.elements if tag == "circle"]


def test_size_is_bounded_and_the_page_says_so(tmp_path: Path, make):
    arenas = [make.arena(i) for i in range(30)]
    for stage in ("sft", "rl"):
        long = [make.episode(a, 1.0, i, answer="x" * 10 * MAX_TEXT) for i, a in enumerate(arenas)]
        write_records(tmp_path / "eval" / f"{stage}.jsonl", long)
    page = Page(write_report(tmp_path, limit=10))
    entries = page.data["browser"]["entries"]
    assert len(entries) == 10
    assert re.search(r"A sample: 10 of 60\s+episodes", page.html)
    by_stage = {s: {e["arena"] for e in entries if e["stage"] == s} for s in ("sft", "rl")}
    assert by_stage["sft"] == by_stage["rl"]
    assert entries[0]["messages"][-1]["content"].endswith("180,000 more characters are not in this page")
    assert len(page.html) < 10 * (MAX_TEXT + 20_000)


def test_a_file_of_arenas_shows_sources_and_proofs(tmp_path: Path, make):
    write_records(tmp_path / "arenas.jsonl", [make.arena(i) for i in range(14)])
    path = write_report(tmp_path / "arenas.jsonl")
    page = Page(path)
    assert path == tmp_path / "arenas.report.html"
    assert page.sections == ["counts", "browser"]
    entry = next(e for e in page.data["browser"]["entries"] if e["proof"] == "failed")
    assert "def " in entry["tools"][0]["source"]
    assert [check["reason"] for check in entry["checks"]] == ["", "constant_output"]
    assert [tool["distractor"] for tool in entry["tools"]][-2:] == [True, True]
    assert "Reasons of failed proofs" in page.texts["caption"]


def test_files_of_trajectories_and_episodes_are_shown(tmp_path: Path, make):
    write_records(tmp_path / "t.jsonl", [make.trajectory(make.arena(i)) for i in range(5)])
    assert Page(write_report(tmp_path / "t.jsonl")).data["browser"]["kind"] == "trajectories"
    write_records(tmp_path / "e.jsonl", [make.episode(make.arena(i), 0.5, i) for i in range(5)])
    assert Page(write_report(tmp_path / "e.jsonl")).data["browser"]["kind"] == "episodes"


def test_bad_lines_are_counted_and_named(tmp_path: Path, make):
    path = tmp_path / "arenas.jsonl"
    write_records(path, [make.arena(0)])
    with path.open("a") as file:
        file.write('{"question": "?"}\nno json\n')
    page = Page(write_report(path))
    notice = " ".join(page.texts["p"])
    assert "2 lines could not be read" in notice
    assert "arenas.jsonl, line 2, field tools" in notice


def test_the_same_run_gives_the_same_bytes(run_folder: Path, tmp_path: Path):
    first, second = (write_report(run_folder, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_what_is_no_run_and_no_data_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="give a run folder"):
        write_report(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"holds no results\.json"):
        write_report(tmp_path)
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match="no arena, trajectory or episode"):
        write_report(tmp_path / "x.jsonl")
