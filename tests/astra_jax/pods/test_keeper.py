"""Keepers of programs that train nothing: three on one machine, each in a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from astra_jax.pods.keeper import last_words

ROOT = Path(__file__).parents[3]
COUNT = 3
KEEP = """
import json, sys
from pathlib import Path
from astra_jax.pods.hub import Limits
from astra_jax.pods.identity import Identity
from astra_jax.pods.keeper import keep
from astra_jax.pods.place import Place
s = json.loads(sys.argv[1])
me = Identity(s["index"], f"host{s['index']}", s["code"], {}, s["config"])
command = lambda address: [sys.executable, "-uc", s["child"], address, str(s["index"]), s["logs"]]
place = Place(s["index"], s["count"], f"127.0.0.1:{s['port']}")
sys.exit(keep(command, place, me, Path(s["logs"]), Limits(**s["limits"])))
"""
WAITS = "import time; print('here'); time.sleep(600)"
# Told to stop, it tells the others by a file; all end as a run does that has saved.
STOPS = """
import pathlib, signal, sys, time
stop = pathlib.Path(sys.argv[3], "stop")
signal.signal(signal.SIGTERM, lambda *_: stop.touch())
print("here")
while not stop.exists():
    time.sleep(0.05)
print("astra: stopped after step 3", file=sys.stderr)
sys.exit(75)
"""


class Keeper:
    def __init__(self, folder: Path, free_port: int, index: int, child: str, **changes):
        self.index, self.logs = index, Path(changes.get("logs", folder))
        spec = {
            "index": index,
            "count": COUNT,
            "port": free_port,
            "child": child,
            "code": "abc",
            "config": {"seed": 0},
            "logs": str(folder),
            "limits": {"join": 30, "peer": 15, "file": 1},
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", KEEP, json.dumps(spec | changes)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Exit status, and the last line of standard error."""
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, (errors.splitlines() or [""])[-1]

    def log(self) -> str:
        path = self.logs / f"host_{self.index:03d}.log"
        return path.read_text() if path.exists() else ""

    def wait_until_here(self) -> "Keeper":
        deadline = time.monotonic() + 30
        while "here" not in self.log():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self


@pytest.fixture
def start(tmp_path, port):
    started = []

    def begin(index: int, child: str, **changes) -> Keeper:
        started.append(Keeper(tmp_path, port, index, child, **changes))
        return started[-1]

    yield begin
    for keeper in started:
        if keeper.process.poll() is None:
            keeper.process.kill()
            keeper.process.communicate()


@pytest.fixture
def start_all(start):
    def begin(*children: str) -> list[Keeper]:
        return [start(index, child) for index, child in enumerate(children)]

    return begin


def test_all_start_together_and_each_has_a_log_of_its_own(start_all):
    keepers = start_all(*["import sys; print('from', sys.argv[2], 'at', sys.argv[1])"] * COUNT)
    assert [keeper.end() for keeper in keepers] == [(0, "")] * COUNT
    logs = [keeper.log().splitlines() for keeper in keepers]
    assert [re.sub(r"== \S+ ", "", log[0]) for log in logs] == [
        f"process {index} (host{index}) of 3, code abc ==" for index in range(COUNT)
    ]
    assert [log[1].rpartition(" at ")[0] for log in logs] == ["from 0", "from 1", "from 2"]
    assert len({log[1].rpartition(" at ")[2] for log in logs}) == 1


def test_a_mistake_on_one_host_ends_all_with_its_sentence(start_all):
    wrong = "import sys; print('astra: /data/rows.jsonl: No such file', file=sys.stderr); sys.exit(2)"
    keepers = start_all(WAITS, WAITS, wrong)
    sentence = "astra: process 2 (host2) stopped: /data/rows.jsonl: No such file"
    assert [keeper.end() for keeper in keepers] == [(2, sentence)] * COUNT
    assert [keeper.log().splitlines()[-1] for keeper in keepers] == [sentence] * COUNT


def test_an_error_that_nothing_explains_ends_all_with_its_status(start):
    children = (WAITS, "raise ValueError('a bug')", WAITS)
    limits = {"join": 30, "peer": 2}
    keepers = [start(index, child, limits=limits) for index, child in enumerate(children)]
    sentence = "astra: process 1 (host1) failed with status 1: ValueError: a bug"
    assert [keeper.end() for keeper in keepers] == [(1, sentence)] * COUNT


@pytest.mark.parametrize(("victim", "by"), [(1, "SIGKILL"), (0, "SIGSEGV")])
def test_a_process_that_is_killed_ends_all_and_they_may_start_again(start_all, victim, by):
    children = [
        "import time; print('here'); time.sleep(1); raise RuntimeError('connection closed by peer')"
    ] * COUNT
    children[victim] = f"import os, signal; os.kill(os.getpid(), signal.{by})"
    sentence = (
        f"astra: process {victim} (host{victim}) was killed by {by}; "
        "the same command on all hosts goes on from the last checkpoint"
    )
    assert [keeper.end() for keeper in start_all(*children)] == [(75, sentence)] * COUNT


@pytest.mark.parametrize("victim", [0, 2])
def test_a_host_that_is_lost_is_named_by_all_others(start_all, victim):
    keepers = [keeper.wait_until_here() for keeper in start_all(WAITS, WAITS, WAITS)]
    keepers[victim].process.kill()
    name = "process 2 (host2)" if victim else "process 0 at 127.0.0.1:"
    for keeper in keepers:
        if keeper.index != victim:
            status, sentence = keeper.end()
            assert (status, name in sentence, "its connection broke" in sentence) == (75, True, True)
            assert sentence in keeper.log()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_host_that_hangs_is_noticed(start, victim):
    limits = {"join": 30, "peer": 3}
    keepers = [start(index, WAITS, limits=limits) for index in range(COUNT)]
    for keeper in keepers:
        keeper.wait_until_here()
    keepers[victim].process.send_signal(signal.SIGSTOP)
    ends = [keeper.end() for keeper in keepers if keeper.index != victim]
    assert [(status, "has not answered for 3 s" in sentence) for status, sentence in ends] == [(75, True)] * 2


def test_no_child_outlives_its_keeper(start_all):
    tells = "import os, time; print(f'here {os.getpid()}'); time.sleep(600)"
    keepers = [keeper.wait_until_here() for keeper in start_all(tells, tells, tells)]
    children = [int(re.search(r"here (\d+)", keeper.log()).group(1)) for keeper in keepers]
    for keeper in keepers:
        keeper.process.kill()
        keeper.process.communicate()
    deadline = time.monotonic() + 10
    while any(map(is_alive, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_signal_is_passed_on_and_all_end_as_the_run_does(start_all):
    keepers = [keeper.wait_until_here() for keeper in start_all(STOPS, STOPS, STOPS)]
    keepers[1].process.send_signal(signal.SIGTERM)
    assert [keeper.end() for keeper in keepers] == [(75, "")] * COUNT
    assert [keeper.log().splitlines()[-1] for keeper in keepers] == ["astra: stopped after step 3"] * COUNT


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"code": "def"},
            "process 1 (host1) has other code than process 0 (host0): its sources have the digest def, those of "
            "process 0 abc; tpu_scripts/sync.sh copies one tree to all hosts",
        ),
        (
            {"config": {"seed": 1}},
            "process 1 (host1) has another configuration than process 0 (host0): digest 7e6fb9a2b2b8 and not "
            "6e7ee9bb4c1e; seed is 1 there and 0 on process 0",
        ),
    ],
    ids=["code", "configuration"],
)
def test_a_host_that_differs_is_named_on_all_and_nothing_starts(start, change, sentence):
    keepers = [start(0, WAITS), start(1, WAITS, **change), start(2, WAITS)]
    ends = [keeper.end() for keeper in keepers]
    hide = partial(re.sub, r"digest \w{12} and not \w{12}", "digests")
    assert [(status, hide(said)) for status, said in ends] == [(2, hide(f"astra: {sentence}"))] * COUNT
    assert [keeper.log() for keeper in keepers] == [""] * COUNT


def test_a_folder_that_is_not_shared_is_said(start, tmp_path):
    keepers = [start(0, WAITS), start(1, WAITS, logs=str(tmp_path / "own")), start(2, WAITS)]
    for status, sentence in [keeper.end() for keeper in keepers]:
        assert status == 2
        assert sentence.startswith("astra: process 1 (host1) does not see what process 0 writes to")
        assert sentence.endswith("config.run_dir must be on a file system that all hosts share")


def test_a_coordinator_that_never_answers_is_said_within_the_deadline(start, port):
    keeper = start(1, WAITS, limits={"join": 2, "peer": 3})
    assert keeper.end() == (
        75,
        f"astra: the coordinator, process 0 at 127.0.0.1:{port}, did not answer within 2 s: see that the command runs "
        "there and that hosts reach each other on that port; the same command on all hosts goes on from the last "
        "checkpoint",
    )


def test_a_coordinator_that_answers_without_a_word_is_said_too(start):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        keeper = start(1, WAITS, port=deaf.getsockname()[1], limits={"join": 2, "peer": 2})
        status, sentence = keeper.end()
    assert (status, "has not answered for 2 s" in sentence) == (75, True)


def test_hosts_that_do_not_come_are_named_on_those_that_came(start):
    limits = {"join": 3, "peer": 3}
    ends = [keeper.end() for keeper in (start(0, WAITS, limits=limits), start(1, WAITS))]
    assert {status for status, _ in ends} == {75}
    for _, sentence in ends:
        assert (
            "1 of 3 processes did not arrive within 3 s: 2 (here: process 0 (host0), process 1 (host1))"
            in sentence
        )


def test_two_hosts_with_one_number_are_told_so(start):
    keepers = [start(0, WAITS, limits={"join": 5, "peer": 3}), start(1, WAITS), start(1, WAITS)]
    ends = [keeper.end() for keeper in keepers]
    assert (2, "astra: process 1 is there already, on host1") in ends


def test_strangers_on_the_port_disturb_nothing(start, port):
    done = "print('done')"
    keepers = [start(0, done)]
    deadline = time.monotonic() + 20
    while True:
        try:
            stranger = socket.create_connection(("127.0.0.1", port), timeout=1)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + os.urandom(100) + b"\n")
    keepers += [start(1, done), start(2, done)]
    assert [keeper.end()[0] for keeper in keepers] == [0, 0, 0]
    stranger.close()


def test_a_port_that_is_taken_is_said(start):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        status, sentence = start(0, WAITS, port=port).end()
    assert (status, f"process 0 cannot listen on port {port}" in sentence) == (75, True)


def test_last_words_are_what_astra_says_or_the_last_line():
    assert last_words("a\nastra: the reason\nlate output\n") == "the reason"
    assert last_words("Traceback\nValueError: 3\n\n") == "ValueError: 3"
    assert last_words("") == ""
