"""Trajectory synthesis as configurations ask for it: what the command says, and that a kill loses nothing."""

import json
import pickle
import random
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra `synthesis`)")

from astra_jax import company, configuration, trajectories
from astra_jax.cli import main
from data_synthesis.records import AgentRun, read_records
from data_synthesis.teacher.server.ledger import Ledger, Request
from data_synthesis.teacher.server.settings import ServerSettings
from data_synthesis.trajectories.build import Settings

ROOT = Path(__file__).parents[2]
DEMO = "--config=configs/synth/trajectories_demo.py"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def documents(tmp_path) -> Path:
    """OpenAI tool lists of three services, a line each."""
    path = tmp_path / "tools.jsonl"
    path.write_text("".join(json.dumps(service(name)) + "\n" for name in ("shop", "library", "garage")))
    return path


def service(name: str) -> dict:
    text = {"type": "object", "properties": {f"{name}_id": {"type": "string"}}, "required": [f"{name}_id"]}
    verbs = ("find", "read", "update", "cancel")
    functions = [
        {
            "name": f"{verb}_{name}_item",
            "description": f"Takes the number of an entry and can {verb} that for whoever runs a {name}.",
            "parameters": text,
        }
        for verb in verbs
    ]
    return {"name": name.title(), "tools": [{"type": "function", "function": f} for f in functions]}


def command(out: Path, documents: Path, *flags: str) -> list[str]:
    sources = [f"--config.sources=('{documents}',)", "--config.live=()", f"--config.out_dir={out}"]
    return ["synth", "trajectories", DEMO, *sources, *flags]


def said(capsys) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return " ".join((captured.out + captured.err).split())


def contents(out: Path) -> dict[str, bytes]:
    files = [path for path in out.rglob("*.json*") if not path.name.endswith(".journal.jsonl")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_documents_become_rows_a_funnel_and_drawn_graphs(tmp_path, documents, capsys):
    assert main(command(tmp_path / "out", documents)) == 0
    shown = said(capsys)
    assert "servers to judged rows" in shown
    rows = list(read_records(tmp_path / "out" / "rows.jsonl", AgentRun))
    assert len(rows) > 20
    assert f"{len(rows)} records after step accept" in shown
    assert (tmp_path / "out" / "graphs.html").read_text().count("<svg") == 3
    assert main(["synth", "agreement", DEMO, f"--config.out_dir={tmp_path / 'out'}"]) == 0
    measures = json.loads((tmp_path / "out" / "agreement" / "rehearsed" / "agreement.json").read_text())
    assert measures["final_answer"]["same"] == 1.0
    assert "agreement of two judgements" in said(capsys)


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(tmp_path, documents):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    program = [
        sys.executable,
        "-c",
        "import sys; from astra_jax.cli import main; sys.exit(main(sys.argv[1:]))",
    ]
    assert subprocess.run([*program, *command(whole, documents)], timeout=120).returncode == 0
    size = sum(path.stat().st_size for path in (whole / "steps").glob("*.jsonl"))
    moments = random.Random(3)
    for share in sorted(moments.uniform(0.02, 0.8) for _ in range(3)):
        process = subprocess.Popen([*program, *command(killed, documents)], stdout=subprocess.DEVNULL)
        _wait_for(killed / "steps", share * size, process)
        process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
    assert not (killed / "rows.jsonl").exists()
    assert subprocess.run([*program, *command(killed, documents)], timeout=120).returncode == 0
    assert contents(killed) == contents(whole)


def _wait_for(steps: Path, size: float, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while sum(path.stat().st_size for path in steps.glob("*.jsonl")) < size:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline, "the pipeline does not get on"
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_command_runs_on_a_cluster(tmp_path, documents):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    for executor in ("local", "ray"):
        flags = [f"--config.executor={executor}"]
        assert main(command(tmp_path / executor, documents, *flags)) == 0
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


WRONG = {
    "no source": (["--config.sources=()"], "config.sources and config.live are empty"),
    "a live file that is not there": (
        ["--config.live=('nowhere.jsonl',)"],
        "nowhere.jsonl, which is not there; `make mcp-servers`",
    ),
    "a source that is not there": (["--config.sources=('nowhere.jsonl',)"], "nowhere.jsonl"),
    "nobody": (["--config.roles.judge=nobody"], "config.roles names 'nobody'; there are rehearsed, default"),
    "a step": (["--from", "walks"], "there is no step 'walks'"),
    "no walk": (["--config.walks.least_length=9"], "a walk cannot have 9 to 5 tools"),
    "an embedder": (["--config.graph.embedder=gpt"], "no embedder is called 'gpt'"),
    "failures": (
        ["--config.failure_rate=3.0"],
        "config.failure_rate: the rate of failures must be from 0 to 1",
    ),
    "no server at a time": (["--config.live_at_once=0"], "config.live_at_once: at least one server"),
    "persons": (["--config.personas=nobody.jsonl"], "nobody.jsonl"),
    "no server": (
        ["--config.roles.writer=default", "--config.servers.default.base_urls=('http://127.0.0.1:9/v1',)"],
        "no server answers at http://127.0.0.1:9/v1",
    ),
}


@pytest.mark.parametrize(("flags", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_sentence(tmp_path, documents, capsys, flags, sentence):
    assert main(command(tmp_path / "out", documents, *flags)) == 2
    assert sentence in said(capsys)


def test_a_source_that_was_corrected_is_read_again_and_another_is_refused(tmp_path, documents, capsys):
    good = documents.read_text()
    documents.write_text('{"name": "x", "tools": []}\n')
    assert main(command(tmp_path / "out", documents)) == 2
    assert "no server of config.sources and config.live can be used" in said(capsys)
    documents.write_text(good)
    assert main(command(tmp_path / "out", documents)) == 0
    assert main(command(tmp_path / "out", documents, "--config.most_servers=2")) == 2
    assert "was made of other sources than the configuration names" in said(capsys)


def test_what_results_depend_on_is_noticed_when_it_changes(tmp_path, documents, capsys):
    assert main(command(tmp_path / "out", documents)) == 0
    rehearsals = tmp_path / "rehearsals"
    rehearsals.mkdir()
    for flag in ("failure_rate=0.5", "call_deadline_s=1.0", f"rehearsals={rehearsals}"):
        assert main(command(tmp_path / "out", documents, f"--config.{flag}")) == 2, flag
        assert "was written with other settings" in said(capsys)


def test_documents_start_no_program_and_get_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "sesame")
    marker = tmp_path / "started"
    tools = [{**f["function"], "wire_name": ""} for f in service("shop")["tools"]]
    reaches = [
        {"kind": "stdio", "command": ["touch", str(marker)]},
        {"kind": "http", "url": "http://127.0.0.1:9/mcp", "headers": {"X": "$SECRET_KEY"}},
    ]
    source = tmp_path / "servers.jsonl"
    lines = [{"title": f"S{i}", "tools": tools, "reach": reach} for i, reach in enumerate(reaches)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(command(tmp_path / "out", source)) == 0
    assert not marker.exists()
    assert {run.events[0].status for run in read_records(tmp_path / "out" / "rows.jsonl", AgentRun)} >= {"ok"}
    assert "SECRET_KEY" not in (tmp_path / "out" / "servers.jsonl").read_text()


def test_agreement_wants_judged_runs(tmp_path, capsys):
    assert main(["synth", "agreement", DEMO, f"--config.out_dir={tmp_path}"]) == 2
    assert "run `astra synth trajectories` first" in said(capsys)


def test_the_configured_defaults_are_those_of_the_library():
    config = configuration.load(ROOT / "configs" / "synth" / "trajectories.py")
    found, library = trajectories._settings(config), Settings()
    for field in fields(Settings):
        if field.name != "asked_with":
            assert getattr(found, field.name) == getattr(library, field.name), field.name
    server = ServerSettings(**config.servers.default.to_dict())
    assert server == ServerSettings(server.model, server.base_urls)


def test_workers_keep_to_each_servers_budget_together(tmp_path):
    config = configuration.load(ROOT / "configs" / "synth" / "trajectories.py").to_dict()
    config["out_dir"] = str(tmp_path)
    assert company.with_shares(config, 4)["servers"]["default"]["budget"] == 0
    config["servers"]["default"]["budget"] = 6.0
    ledger = Ledger(company.ledger_path(config, "default"))
    ledger.add(Request("write_task", "held", 1, 1, 1.0, 2.0), "key", "{}")
    ledger.close()
    assert company.with_shares(config, 4)["servers"]["default"]["budget"] == 1.0
    shared = company.SharedCompany(config, 4)
    assert pickle.loads(pickle.dumps(shared)).config["servers"]["default"]["budget"] == 1.0
    ledger = Ledger(company.ledger_path(config, "default"))
    ledger.add(Request("write_task", "held", 1, 1, 1.0, 2.0), "other", "{}")
    ledger.close()
    assert pickle.loads(pickle.dumps(shared)).config["servers"]["default"]["budget"] == 0.5
    assert config["servers"]["default"]["budget"] == 6.0
