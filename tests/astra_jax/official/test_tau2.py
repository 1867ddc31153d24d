"""`astra eval tau2` on a toy: a served agent and a served user, the golden actions, and tries without a reward."""

import json
import sys

import pytest
from scripted_server import says

from astra_jax import cli
from astra_jax.evaluation.tau2.records import Tau2Run
from data_synthesis.records import read_records

CALL = {"id": "c", "type": "function", "function": {"name": "switch", "arguments": "{}"}}


def plays(handler):
    """The agent switches once and says so; the user asks, and stops when it is told."""
    first, *_, last = handler.body["messages"]
    if "agent" in first["content"]:
        return (says("It is on.") if last["role"] == "tool" else says(None, tool_calls=[CALL]))(handler)
    return says("###STOP###" if "on" in last["content"] else "Switch it, please.")(handler)


@pytest.fixture
def argv(server, tmp_path):
    server.script[:] = [plays]

    def make(*flags, **fields):
        urls = (server.url,)
        given = {"model": "small", "user.model": "small", "server.base_urls": urls, "user.base_urls": urls}
        given |= {
            "python": sys.executable,
            "out_dir": tmp_path / "run",
            "domains": ("airline",),
            "workers": 2,
        }
        return [
            "eval",
            "tau2",
            *flags,
            *(f"--config.{key}={value}" for key, value in (given | fields).items()),
        ]

    return make


def summary(tmp_path):
    return json.loads((tmp_path / "run" / "summary.json").read_text())["domains"]["airline"]


def test_agent_and_user_are_served_and_every_try_is_rewarded(argv, server, tmp_path, capsys):
    assert cli.main(argv(trials=2)) == 0
    row = summary(tmp_path)
    assert (row["tasks"], row["tries"], row["unknown"], row["ended"]) == (2, 4, 0, {"user_stop": 4})
    assert (row["passes"]["pass^2"]["mean"], row["passes"]["pass^2"]["items"]) == (1.0, 2)
    runs = list(read_records(tmp_path / "run" / "tau2.jsonl", Tau2Run))
    assert [(run.task, run.trial) for run in runs] == [("0", 0), ("0", 1), ("1", 0), ("1", 1)]
    assert "pass^2" in capsys.readouterr().out
    tools = [("tools" in body, body["messages"][0]["content"]) for body in server.bodies]
    assert set(tools) == {(True, "You are the agent."), (False, "You are the user.")}


def test_run_again_nothing_is_asked_and_the_files_stay(argv, server, tmp_path):
    assert cli.main(argv()) == 0
    before, server.bodies[:] = (tmp_path / "run" / "tau2.jsonl").read_bytes(), []
    assert cli.main(argv()) == 0
    assert server.bodies == []
    assert (tmp_path / "run" / "tau2.jsonl").read_bytes() == before


def test_golden_actions_need_no_model(argv, server, tmp_path):
    fields = {"model": "", "user.model": "", "server.base_urls": (), "user.base_urls": ()}
    assert cli.main(argv("--golden", **fields)) == 0
    assert summary(tmp_path)["passes"]["pass^1"]["mean"] == 1.0
    assert server.bodies == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [(says(""), "UserFailed"), (says(None, tool_calls=[CALL]), "WorkerFailed")],
    ids=["an empty user", "a dead worker"],
)
def test_a_try_without_a_reward_is_unknown_with_its_reason(argv, server, tmp_path, said, reason):
    def answer(handler):
        user = "user" in handler.body["messages"][0]["content"]
        return (said if user else plays)(handler)

    server.script[:] = [answer]
    assert cli.main(argv()) == 1
    assert summary(tmp_path)["unknown"] == 2
    rejects = (tmp_path / "run" / "tau2.rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["reason"] for line in rejects] == [reason] * 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"domains": ("trains",)}, "config.domains is 'trains'; known: airline, retail, telecom"),
        ({"user.model": ""}, "config.user.model and config.user.base_urls must be set"),
        ({"trials": 0}, "at least one domain and one try"),
        ({"python": "no/python"}, "`make tau2` makes it"),
    ],
    ids=["domain", "user", "trials", "environment"],
)
def test_what_cannot_be_used_is_named_in_one_sentence(argv, fields, said, capsys):
    assert cli.main(argv(**fields)) == 2
    assert said in capsys.readouterr().err
