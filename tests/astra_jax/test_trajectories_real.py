"""The demonstration: real MCP servers do what is written down for them, and the rows train as they are."""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra `synthesis`)")

from astra_jax.cli import main
from data_synthesis.records import AgentRun, ToolServer, read_records
from data_synthesis.trajectories.rehearsal import Rehearsals

ROOT = Path(__file__).parents[2]
SERVERS = ROOT / ".mcp" / "servers.jsonl"
DEMO = "--config=configs/synth/trajectories_demo.py"
REAL = {"Git", "Shop database", "Arithmetic", "Files", "Memory"}


pytestmark = pytest.mark.slow  # installs the servers, from PyPI and npm


@pytest.fixture(scope="module")
def installed() -> None:
    """The real servers, as `make mcp-servers` leaves them: the programs of an older installation stay."""
    command = [sys.executable, "tools/mcp_servers/install.py", ".mcp"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    if done.returncode:
        pytest.skip(f"no real MCP server could be installed: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def made(installed, tmp_path_factory) -> Path:
    """What the demonstration leaves, without the variations of each request."""
    out = tmp_path_factory.mktemp("demo")
    os.chdir(ROOT)
    assert (
        main(["synth", "trajectories", DEMO, f"--config.out_dir={out}", "--config.plan.augmentations=()"])
        == 0
    )
    return out


@pytest.fixture
def rows(made) -> dict[str, list[AgentRun]]:
    """By the title of their server."""
    titles = {server.id: server.title for server in read_records(made / "servers.jsonl", ToolServer)}
    found = defaultdict(list)
    for run in read_records(made / "rows.jsonl", AgentRun):
        found[titles[run.task.server_id]].append(run)
    return found


def test_every_right_run_on_a_real_server_becomes_a_row(rows):
    served = REAL & set(rows)
    assert len(served) >= 3, "at least the servers that need no npm"
    for title in served:
        right = [task for task in Rehearsals().of_server(title) if not task.note]
        queries = {run.task.query for run in rows[title]}
        missing = [task.query for task in right if task.query not in queries]
        assert not missing, title
        for run in rows[title]:
            if run.task.query in {task.query for task in right}:
                assert {event.status for event in run.events} == {"ok"}, run.task.query
                assert run.scores["overall"] == 1.0
    assert {"Git 仓库", "商店数据库", "算术"} <= set(rows)


def test_what_a_run_changed_is_in_its_record(rows):
    what = Counter(change.what for runs in rows.values() for run in runs for change in run.state)
    assert {"file", "row", "commit"} <= set(what)


def test_no_path_of_a_run_is_in_a_row(made):
    assert "astra-mcp-" not in (made / "rows.jsonl").read_text()


def test_runs_that_are_wrong_on_purpose_are_rejected_or_score_less(made, rows):
    judged = {
        run.task.query: run.scores["overall"]
        for run in read_records(made / "steps" / "judge.jsonl", AgentRun)
    }
    accepted = {run.task.query for runs in rows.values() for run in runs}
    for title in REAL & set(rows):
        wrong = [task for task in Rehearsals().of_server(title) if task.note]
        assert len(wrong) == 2
        for task in wrong:
            assert judged[task.query] < 0.95, task.note
    wrong = {task.query for title in REAL & set(rows) for task in Rehearsals().of_server(title) if task.note}
    assert len(wrong - accepted) >= len(wrong) / 2


def test_documents_of_servers_that_want_an_account_are_emulated(rows):
    emulated = set(rows) & {"GitHub", "GitLab", "Slack", "Google Maps", "Notion"}
    if not emulated:
        pytest.skip("npm is not installed, so only servers from PyPI are")
    runs = [run for title in emulated for run in rows[title]]
    injected = sum(event.injected is not None for run in runs for event in run.events)
    assert 0 < injected < 0.5 * sum(len(run.events) for run in runs)


def test_the_rows_train_as_they_are(made, tmp_path):
    flags = [
        f"--config.data.path={made / 'rows.jsonl'}",
        f"--config.run_dir={tmp_path / 'sft'}",
        "--config.data.sequence_length=2048",
        "--config.batch_rows=1",
        "--config.steps=2",
        "--config.epochs=0",
        "--config.model.init.num_layers=2",
        "--config.model.init.hidden_size=32",
        "--config.model.init.ffn_size=64",
        "--config.model.init.num_heads=2",
        "--config.model.init.num_kv_heads=1",
        "--config.model.init.head_dim=16",
    ]
    assert main(["sft", "--config=configs/sft/nano.py", *flags]) == 0
    assert json.loads((tmp_path / "sft" / "data.json").read_text())["rows"] > 20
    assert (tmp_path / "sft" / "hf" / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_servers_that_are_used_again_do_what_fresh_ones_do(installed, made, tmp_path):
    """All but times, which the file server tells: the runs of the demonstration again, with a process for each."""
    lines = [json.loads(line) for line in SERVERS.read_text().splitlines()]
    for line in lines:
        line["reach"]["reset"] = "process"
    fresh = tmp_path / "servers.jsonl"
    fresh.write_text("".join(json.dumps(line) + "\n" for line in lines))
    flags = [
        "--config.plan.augmentations=()",
        f"--config.live=('{fresh}',)",
        f"--config.out_dir={tmp_path / 'out'}",
    ]
    assert main(["synth", "trajectories", DEMO, *flags]) == 0
    assert _said(tmp_path / "out") == _said(made)


def _said(out: Path) -> list:
    runs = read_records(out / "rows.jsonl", AgentRun)
    timeless = [run for run in runs if all(event.name != "get_file_info" for event in run.events)]
    assert timeless
    return [(run.task.query, run.messages, run.state, run.scores) for run in timeless]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_documents_become_rows_with_emulated_tools(tmp_path):
    source = os.environ.get("ASTRA_MCP_SERVERS")
    if not source:
        pytest.skip("ASTRA_MCP_SERVERS names no file of real servers in upstream's layout")
    flags = ["--config.live=()", f"--config.sources=('{source}',)", "--config.most_servers=40"]
    assert main(["synth", "trajectories", DEMO, *flags, f"--config.out_dir={tmp_path}"]) == 0
    assert len(list(read_records(tmp_path / "servers.jsonl", ToolServer))) == 40
    servers = {run.task.server_id for run in read_records(tmp_path / "rows.jsonl", AgentRun)}
    assert len(servers) >= 38
