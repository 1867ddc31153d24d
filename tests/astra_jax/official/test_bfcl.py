"""`astra eval bfcl` on a toy benchmark: a served model, the ground truth, unknown items, and going on after a kill."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import jax
import pytest
import uvicorn
from scripted_server import fails, says

from astra_jax import cli
from astra_jax.evaluation.bfcl.records import BfclRun
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.server.app import make_app
from astra_jax.inference.server.run import make_service
from astra_jax.inference.server.service import Settings
from astra_jax.tokens import QWEN3
from data_synthesis.records import read_records

HERE = Path(__file__).parent
TOY = "config.categories=('multi_turn_toy','toy')"


def summary(folder: Path):
    return json.loads((folder / "summary.json").read_text())["categories"]


def test_a_served_model_is_asked_with_tools_and_scored(command, server, tmp_path, capsys):
    assert cli.main([*command(), f"--{TOY}"]) == 0
    found = summary(tmp_path / "run")
    assert {name: (row["items"], row["unknown"], row["accuracy"]) for name, row in found.items()} == {
        "multi_turn_toy": (4, 0, 1.0),
        "toy": (4, 0, 1.0),
    }
    runs = list(read_records(tmp_path / "run" / "bfcl.jsonl", BfclRun))
    assert [run.item for run in runs] == [f"{c}_{n}" for c in ("multi_turn_toy", "toy") for n in range(4)]
    assert [m.content for m in runs[1].messages if m.role == "tool"] == ["done, total 1", "done, total 3"]
    body = server.bodies[0]
    assert (body["temperature"], body["max_tokens"], body["tool_choice"]) == (0.6, 4096, "auto")
    assert body["tools"][0]["function"]["name"] == "add"
    assert "multi_turn_toy" in capsys.readouterr().out


def test_wrong_answers_fail_and_words_alone_do_too(command, server, tmp_path):
    server.script[:] = [says("I would rather not.")]
    assert cli.main([*command(), f"--{TOY}"]) == 0
    rows = {name: row["accuracy"] for name, row in summary(tmp_path / "run").items()}
    assert rows == {"multi_turn_toy": 0.0, "toy": 0.25}  # the sum of nothing is 0, which is right once


def test_the_ground_truth_needs_no_model(command, server, tmp_path):
    fields = {"model": "", "server.base_urls": ()}
    whole = command("--ground-truth", out_dir=tmp_path / "whole", **fields)
    short = command("--truncated-ground-truth", out_dir=tmp_path / "short", **fields)
    assert [cli.main([*each, f"--{TOY}"]) for each in (whole, short)] == [0, 0]
    assert {row["accuracy"] for row in summary(tmp_path / "whole").values()} == {1.0}
    assert summary(tmp_path / "short")["multi_turn_toy"]["accuracy"] == 0.0
    assert server.bodies == []


def test_a_worker_that_dies_leaves_its_item_unknown_and_the_others_scored(command, tmp_path, capsys):
    assert cli.main([*command(), "--config.categories=('multi_turn_deadly',)"]) == 1
    row = summary(tmp_path / "run")["multi_turn_deadly"]
    assert (row["items"], row["unknown"], row["accuracy"]) == (4, 1, 1.0)
    reject = json.loads((tmp_path / "run" / "bfcl.rejects.jsonl").read_text())
    assert reject["reason"] == "WorkerFailed"
    assert reject["detail"] == "bfcl-eval died at `execute` (exit status 9)"


@pytest.mark.parametrize(
    ("body", "unknown", "stops"),
    [
        ({"error": {"message": "This model's maximum context length is 8 tokens"}}, 0, {"context"}),
        ({"error": {"message": "no such field"}}, 4, set()),
    ],
    ids=["too long", "refused"],
)
def test_a_prompt_that_is_too_long_fails_and_any_other_refusal_is_unknown(
    command, server, tmp_path, body, unknown, stops
):
    server.script[:] = [fails(400, body)]
    assert cli.main([*command(), "--config.categories=('toy',)"]) == (1 if unknown else 0)
    assert summary(tmp_path / "run")["toy"]["unknown"] == unknown
    assert {run.stop for run in read_records(tmp_path / "run" / "bfcl.jsonl", BfclRun)} == stops


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"categories": "('nothing',)"}, "config.categories names 'nothing'; there are multi_turn"),
        ({"categories": "()"}, "config.categories is empty"),
        ({"python": "no/python"}, "`make bfcl` makes it"),
        ({"python": "no/python", "version": "v3"}, "`make bfcl-v3` makes it"),
        ({"version": "v2"}, "config.version is 'v2'; known: v4, v3"),
        ({"server.concurrency": 0}, "config.server: concurrency must be 1 or more"),
        ({"model": ""}, "configuration key `model` must be set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_named_in_one_sentence(command, fields, said, capsys):
    argv = [*command(), *(f"--config.{key}={value}" for key, value in fields.items())]
    assert cli.main(argv) == 2
    assert said in capsys.readouterr().err


def test_a_folder_takes_more_categories_and_no_other_settings(command, server, tmp_path, capsys):
    assert cli.main([*command(), "--config.categories=('toy',)"]) == 0
    first, server.bodies[:] = list(server.bodies), []
    assert cli.main([*command(), f"--{TOY}"]) == 0
    assert set(summary(tmp_path / "run")) == {"multi_turn_toy", "toy"}
    assert not any(body in first for body in server.bodies)
    for other in ("temperature=0.1", "version=v3"):
        assert cli.main([*command(), "--config.categories=('toy',)", f"--config.{other}"]) == 2
        assert "other settings" in capsys.readouterr().err


SMALL = {"context": 448, "slots": 4, "prefill_tokens": 64, "decode_tokens": 8, "stop_ids": 2}


def test_a_checkpoint_plays_the_same_in_this_process_again_and_behind_our_server(
    command, policy, tmp_path, compiled_dir
):
    greedy = {"model": policy, "items_each": 2, "max_turn_tokens": 24, "temperature": 0.0}
    here = greedy | {"server.base_urls": ()} | {f"engine.{key}": value for key, value in SMALL.items()}
    played = []
    with serving(policy) as url:
        for name, fields in (
            ("one", here),
            ("other", here),
            ("served", greedy | {"server.base_urls": (url,)}),
        ):
            argv = [*command(out_dir=tmp_path / name, **fields), f"--{TOY}"]
            assert cli.main(argv) == 0
            assert {row["unknown"] for row in summary(tmp_path / name).values()} == {0}
            runs = read_records(tmp_path / name / "bfcl.jsonl", BfclRun)
            # A server hands out calls that cannot be read as words: a step without calls, where here there is none.
            played.append(
                [(run.item, [list(chain(*steps)) for steps in run.turns], run.verdict) for run in runs]
            )
    assert played[0] == played[1] == played[2]
    assert (tmp_path / "one" / "bfcl.jsonl").read_bytes() == (tmp_path / "other" / "bfcl.jsonl").read_bytes()


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    settings = Settings(str(folder), folder, QWEN3)
    app = make_app(make_service(settings, EngineSize(**SMALL), jax.devices()[:1]))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join(30)


KILLED = """
import sys
from pathlib import Path
from astra_jax import cli
from astra_jax.evaluation.bfcl import world
world.PACKAGES["v4"] = world.PACKAGES["v4"]._replace(script=Path(sys.argv[1]))
sys.exit(cli.main(sys.argv[2:]))
"""


def test_killed_and_run_again_it_ends_with_the_same_records_and_asks_nothing_twice(command, server, tmp_path):
    whole = [*command(out_dir=tmp_path / "whole"), f"--{TOY}"]
    assert cli.main(whole) == 0
    asked, server.bodies[:] = list(server.bodies), []

    answer, enough = server.script[0], threading.Event()

    def stalls(handler):
        if len(server.bodies) > len(asked) // 2:
            enough.set()
            server.over.wait(60)
        answer(handler)

    server.script[:] = [stalls]
    argv = [*command(out_dir=tmp_path / "killed"), f"--{TOY}", "--config.server.concurrency=1"]
    argv.append("--config.server.most_concurrency=1")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(HERE / "toy_bfcl.py"), *argv])
    assert enough.wait(120)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before, server.bodies[:] = server.bodies[:-1], []  # the last one was not answered
    server.script[:] = [answer]
    assert cli.main(argv) == 0
    assert (tmp_path / "killed" / "bfcl.jsonl").read_bytes() == (
        tmp_path / "whole" / "bfcl.jsonl"
    ).read_bytes()
    texts = [
        json.dumps([body["messages"], body["seed"]], sort_keys=True) for body in [*before, *server.bodies]
    ]
    assert len(texts) == len(set(texts)) == len(asked)
