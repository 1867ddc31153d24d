"""A breach ends its session, at once and alone, and says which bound it broke."""

from __future__ import annotations

import time

import pytest

from data_synthesis.sandbox import (
    Breach,
    DeadlineExceeded,
    Limits,
    LocalSandbox,
    MemoryExceeded,
    OutputExceeded,
    SessionDied,
)

BREACHES = {
    "while True: pass": DeadlineExceeded,
    "time.sleep(30)": DeadlineExceeded,
    "return len('a' * 10**9)": MemoryExceeded,
    "return 'a' * 10**6": OutputExceeded,
    "print('a' * 10**6)": OutputExceeded,
    "os._exit(0)": SessionDied,
    "os.kill(os.getpid(), 9)": SessionDied,
    "ctypes.string_at(0)": SessionDied,
}


@pytest.fixture(scope="module")
def bystander(sandbox):
    with sandbox.open({"ping": "def ping():\n    return 'pong'"}) as session:
        yield session


@pytest.mark.parametrize(("body", "breach"), BREACHES.items())
def test_a_breach_has_a_type_and_lasts_and_hurts_nobody_else(sandbox, bystander, body, breach):
    with sandbox.open({"f": f"import ctypes, os, time\ndef f():\n    {body}"}) as session:
        with pytest.raises(breach) as first:
            session.call("f", {}, 0.5)
        with pytest.raises(breach) as again:
            session.call("f", {}, 0.5)
        assert str(first.value) == str(again.value)
    assert bystander.call("ping", {}) == "pong"


@pytest.mark.parametrize(
    "body", ["print('a' * 10**6)", "len('a' * 10**9)", "os._exit(0)", "ctypes.string_at(0)"]
)
def test_a_source_can_breach_while_it_loads(sandbox, body):
    with pytest.raises(Breach):
        sandbox.open({"f": f"import ctypes, os\n{body}\ndef f(): pass"})


def test_loading_has_a_deadline_of_its_own():
    limits = Limits(load_seconds=0.5)
    with LocalSandbox(limits=limits) as sandbox, pytest.raises(DeadlineExceeded, match="loading"):
        sandbox.open({"f": "while True: pass"})


@pytest.mark.parametrize("deadline", [0.05, 0.3])
def test_the_deadline_is_kept(sandbox, deadline):
    with sandbox.open({"f": "def f():\n    while True: pass"}) as session:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            session.call("f", {}, deadline)
        assert deadline <= time.monotonic() - started < deadline + 1.0


@pytest.mark.parametrize("precaution", ["pass", "signal.signal(signal.SIGXCPU, signal.SIG_IGN)"])
def test_cpu_time_is_bounded_over_the_life_of_a_session(sandbox, precaution):
    spin = "end = time.process_time() + 0.5\n    while time.process_time() < end: pass"
    source = {"f": f"import signal, time\ndef f():\n    {precaution}\n    {spin}"}
    with sandbox.open(source) as session:
        session.call("f", {}, 20.0)
        with pytest.raises(DeadlineExceeded, match="CPU"):
            spend(session, calls=8)


def spend(session, calls: int) -> None:
    for _ in range(calls):
        session.call("f", {}, 20.0)


def test_a_reply_forged_for_a_later_question_is_not_believed(sandbox):
    forge = (
        "import json, os, struct\ndef f():\n"
        "    frame = json.dumps({'id': '0' * 16, 'result': 'forged'}).encode()\n"
        "    os.write(3, struct.pack('>I', len(frame)) + frame)\n    return 'honest'"
    )
    with sandbox.open({"f": forge, "g": "def g():\n    return 'true'"}) as session:
        with pytest.raises(SessionDied, match="out of turn"):
            session.call("f", {})
        with pytest.raises(Breach):
            session.call("g", {})


@pytest.mark.parametrize(
    "sent",
    [
        "b'\\xff\\xff\\xff\\xff'",
        "b'\\0\\0\\0\\2{}'",
        "b'\\0\\0\\0\\5[1e999]'[:9]",
        "b'\\0\\0\\0\\1\\xff'",
        "b'\\0\\0\\0\\4null'",
    ],
)
def test_garbage_on_the_channel_is_a_breach(sandbox, sent):
    source = {"f": f"import os\ndef f():\n    os.write(3, {sent})\n    os._exit(0)"}
    with sandbox.open(source) as session, pytest.raises((SessionDied, OutputExceeded)):
        session.call("f", {})
