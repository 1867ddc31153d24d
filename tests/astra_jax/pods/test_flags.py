"""The flags of `astra sft` and `astra rl` that make a process one of several."""

import pytest

from astra_jax import cli
from astra_jax.pods.place import NoPod
from astra_jax.training.interruption import Interrupted

RUN = ("sft", "--config=configs/sft/nano.py", "--config.run_dir=/nowhere/run")


@pytest.fixture
def trained(monkeypatch, tmp_path) -> list:
    """What would have been trained in this process."""
    configs = []
    monkeypatch.setattr("astra_jax.sft.train", lambda config, console: configs.append(config) or tmp_path)
    return configs


@pytest.fixture
def kept(monkeypatch) -> list:
    """What would have been kept, as (command of the child, place, folder of logs)."""
    calls = []

    def keep(command, place, me, logs, limits):
        calls.append((command("10.0.0.1:99"), place, me, logs, limits))
        return 75

    monkeypatch.setattr("astra_jax.pods.keeper.keep", keep)
    return calls


def test_without_flags_it_trains_here_and_joins_nobody(trained, kept, monkeypatch):
    monkeypatch.setattr("jax.distributed.initialize", lambda *a, **k: pytest.fail("it joined"))
    assert cli.main(RUN) == 0
    assert (len(trained), kept) == (1, [])


def test_with_a_coordinator_it_keeps_a_child_that_runs_the_same_command(trained, kept):
    flags = ("--coordinator=10.0.0.1:8476", "--processes=4", "--process=2", "--peer-timeout=5")
    assert cli.main([*RUN, *flags]) == 75
    ((command, place, me, logs, limits),) = kept
    assert command[1:] == [
        "-u",
        "-m",
        "astra_jax.cli.member",
        *RUN,
        *flags,
        "--member",
        "10.0.0.1:99",
        "4",
        "2",
    ]
    assert (place.index, place.count, place.leader) == (2, 4, "10.0.0.1:8476")
    assert (me.index, me.config["verb"], me.config["config.run_dir"]) == (2, "sft", "/nowhere/run")
    assert str(logs) == "/nowhere/run/logs"
    assert (limits.join, limits.peer) == (300, 5)
    assert trained == []


def test_the_child_joins_before_it_trains(trained, monkeypatch):
    joined = []
    monkeypatch.setattr(
        "astra_jax.training.distributed.join", lambda *place: joined.append((place, len(trained)))
    )
    assert cli.main([*RUN, "--join-timeout=7", "--member", "10.0.0.1:99", "4", "2"]) == 0
    assert joined == [(("10.0.0.1:99", 4, 2, 7.0), 0)]
    assert len(trained) == 1


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("--coordinator=a:1", "--processes=2"),
            "goes with --processes and --process: --process is missing",
        ),
        (("--coordinator=a:1", "--process=0"), "--processes is missing"),
        (
            ("--processes=2", "--process=0"),
            "--processes and --process go with --coordinator, which is missing",
        ),
        (("--coordinator=a:1", "--processes=2", "--process=0", "--pod"), "--pod finds out by itself"),
        (("--coordinator=a", "--processes=2", "--process=0"), "the coordinator is 'a': write HOST:PORT"),
        (("--coordinator=a:1", "--processes=2", "--process=2"), "processes are numbered from 0 to 1"),
    ],
)
def test_flags_that_do_not_make_up_a_place_are_one_sentence(trained, kept, capsys, flags, sentence):
    assert cli.main([*RUN, *flags]) == 2
    assert sentence in capsys.readouterr().err
    assert (trained, kept) == ([], [])


def test_a_machine_that_is_no_tpu_host_is_told_so(trained, monkeypatch, capsys):
    def nowhere(environ, port):
        raise NoPod("this is no TPU host")

    monkeypatch.setattr("astra_jax.cli.pods.find_place", nowhere)
    assert cli.main([*RUN, "--pod"]) == 2
    assert "astra: this is no TPU host" in capsys.readouterr().err


def test_an_interrupted_run_says_so_with_status_75(monkeypatch, capsys):
    def interrupted(config, console):
        raise Interrupted(5)

    monkeypatch.setattr("astra_jax.sft.train", interrupted)
    assert cli.main(RUN) == 75
    said = capsys.readouterr().err
    assert said == "astra: stopped after step 5, which is saved; the same command goes on\n"
