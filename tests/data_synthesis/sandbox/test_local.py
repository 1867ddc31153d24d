"""The contract of a session: what a call gives, and what each kind of misbehaviour is called."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from json_values import json_values

from data_synthesis.sandbox import (
    BadArguments,
    CallError,
    LocalSandbox,
    NotJson,
    SandboxError,
    SandboxUnavailable,
    SourceError,
    ToolRaised,
    UnknownTool,
)

ECHO = {"echo": "def echo(value):\n    return value"}


@pytest.fixture(scope="module")
def echo(sandbox):
    with sandbox.open(ECHO) as session:
        yield session


@settings(deadline=None)
@given(value=json_values)
def test_arguments_and_results_survive_the_round_trip(echo, value):
    assert echo.call("echo", {"value": value}) == value


def test_state_lives_as_long_as_the_session(sandbox):
    source = {"count": "calls = 0\ndef count():\n    global calls\n    calls += 1\n    return calls"}
    with sandbox.open(source) as session:
        assert [session.call("count", {}) for _ in range(3)] == [1, 2, 3]
    with sandbox.open(source) as session:
        assert session.call("count", {}) == 1


def test_each_source_has_a_namespace_of_its_own(sandbox):
    sources = {
        name: f"TABLE = {name!r}\ndef lookup():\n    return TABLE\ndef {name}():\n    return lookup()"
        for name in ("first", "second", "json", "statistics")
    }
    with sandbox.open(sources) as session:
        assert [session.call(name, {}) for name in sources] == list(sources)


def test_what_one_session_does_to_a_module_no_other_sees(sandbox):
    vandal = {
        "f": "import json, builtins\ndef f():\n    json.dumps = builtins.len = lambda *_: 'broken'\n    return 1"
    }
    with sandbox.open(vandal) as first, sandbox.open({"g": "def g():\n    return len([1, 2])"}) as second:
        with contextlib.suppress(SandboxError):  # it may well have broken its own session
            first.call("f", {})
        assert second.call("g", {}) == 2


def test_dataclasses_enums_and_postponed_annotations_work(sandbox):
    source = """
from __future__ import annotations
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Optional

class Unit(str, Enum):
    CELSIUS = "C"

@dataclass
class Reading:
    degrees: float
    unit: Unit = Unit.CELSIUS
    tags: list[str] = field(default_factory=list)

def read(degrees: Optional[float] = None):
    return asdict(Reading(degrees))
"""
    with sandbox.open({"read": source}) as session:
        assert session.call("read", {"degrees": 1.5}) == {"degrees": 1.5, "unit": "C", "tags": []}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(:\n    pass", "SyntaxError"),
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import requests\ndef f(): pass", "requests"),
        ("f = 3", "no function of that name"),
        ("def g(): pass", "defines 'g' instead"),
        ("def g(): pass\ndef h(): pass", "it defines 2 functions"),
        ("\0", "null bytes"),
    ],
)
def test_a_source_that_does_not_load_is_named(sandbox, source, says):
    with pytest.raises(SourceError, match="tool 'f'") as raised:
        sandbox.open({"f": source})
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("signature", "arguments", "fits"),
    [
        ("a, b=2", {"a": 1}, True),
        ("a, b=2", {"a": 1, "b": 1}, True),
        ("a, b=2", {}, False),
        ("a, b=2", {"a": 1, "c": 1}, False),
        ("*, a", {"a": 1}, True),
        ("a, /", {"a": 1}, False),
        ("**rest", {"a": 1, "self": 2, "name": 3}, True),
    ],
)
def test_arguments_are_checked_against_the_signature(sandbox, signature, arguments, fits):
    with sandbox.open({"f": f"def f({signature}):\n    return 'called'"}) as session:
        if fits:
            assert session.call("f", arguments) == "called"
        else:
            with pytest.raises(BadArguments):
                session.call("f", arguments)


def test_arguments_that_are_not_json_never_reach_the_session(echo):
    for value in (float("nan"), {1, 2}, "\ud800"):
        with pytest.raises(BadArguments):
            echo.call("echo", {"value": value})
    assert echo.call("echo", {"value": 1}) == 1


RAISING = {
    "raise ValueError('no such city')": "ValueError: no such city",
    "return {}['x']": "KeyError: 'x'",
    "raise SystemExit(2)": "SystemExit: 2",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "return f()": "RecursionError",
    "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()": "cannot be described",
    "raise Exception('\\ud800')": "ud800",
    "return open('/etc/hostname').read()": "PermissionError",
}


@pytest.mark.parametrize(("body", "says"), RAISING.items())
def test_what_a_tool_raises_is_told_and_survived(sandbox, body, says):
    with sandbox.open({"f": f"def f():\n    {body}", **ECHO}) as session:
        with pytest.raises(ToolRaised) as raised:
            session.call("f", {})
        assert says in str(raised.value)
        assert session.call("echo", {"value": 1}) == 1


def test_a_long_message_is_cut(sandbox):
    with sandbox.open({"f": "def f():\n    raise ValueError('é' * 10**6)"}) as session:
        with pytest.raises(ToolRaised) as raised:
            session.call("f", {})
        assert len(str(raised.value)) == 2000


NOT_JSON = [
    "float('nan')",
    "[float('inf')]",
    "{1: 'a'}",
    "{'a': {None: 1}}",
    "{1, 2}",
    "b'bytes'",
    "object()",
    "(x for x in [1])",
    "'\\ud800'",
    "10 ** 5000",
    "loop",
    "deep",
    "__import__('datetime').date(2024, 1, 1)",
    "type('Odd', (dict,), {'items': lambda self: 1 / 0})(a=1)",
]


@pytest.mark.parametrize("value", NOT_JSON)
def test_a_result_that_is_not_json_is_refused_and_survived(sandbox, value):
    source = (
        f"loop = []\nloop += [loop]\ndeep = []\nfor _ in range(10**5): deep = [deep]\ndef f(): return {value}"
    )
    with sandbox.open({"f": source, **ECHO}) as session:
        with pytest.raises(NotJson):
            session.call("f", {})
        assert session.call("echo", {"value": 1}) == 1


def test_an_unknown_tool_is_named_with_those_there_are(echo):
    with pytest.raises(UnknownTool, match=r"'nope'.*'echo'"):
        echo.call("nope", {})


def test_printing_is_harmless_and_discarded(sandbox):
    body = "print('x' * 1000)\n    sys.stdout.buffer.write(b'y')\n    print(1, file=sys.stderr)\n    return 1"
    with sandbox.open({"f": f"import sys\ndef f():\n    {body}"}) as session:
        assert session.call("f", {}) == 1


def test_randomness_and_the_clock_are_real(sandbox):
    source = {
        "f": "import random, uuid, time\ndef f():\n    return [random.random(), str(uuid.uuid4()), time.time()]"
    }
    seen = []
    for _ in range(2):
        with sandbox.open(source) as session:
            seen.append(session.call("f", {}))
    assert all(a != b for a, b in zip(*seen, strict=True))


def test_hashes_and_the_time_zone_are_the_same_everywhere(sandbox):
    source = {
        "f": "import time\ndef f():\n    return [hash('abc'), list({'x', 'y', 'z'}), time.strftime('%Z')]"
    }
    with LocalSandbox() as other, sandbox.open(source) as a, other.open(source) as b:
        assert a.call("f", {}) == b.call("f", {})
        assert a.call("f", {})[2] == "UTC"


def test_threads_share_a_sandbox(sandbox):
    def work(number: int) -> bool:
        with sandbox.open(ECHO) as session:
            return all(session.call("echo", {"value": [number, i]}, 20.0) == [number, i] for i in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))


def test_threads_take_turns_on_one_session(echo):
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: echo.call("echo", {"value": i}, 20.0), range(200))) == list(range(200))


def test_closing_twice_is_fine_and_ends_the_session(sandbox):
    session = sandbox.open(ECHO)
    session.close()
    session.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        session.call("echo", {"value": 1})


def test_closing_the_sandbox_ends_its_sessions():
    sandbox = LocalSandbox()
    session = sandbox.open(ECHO)
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxUnavailable):
        session.call("echo", {"value": 1})
    with pytest.raises(SandboxUnavailable, match="closed"):
        sandbox.open(ECHO)


def test_a_sandbox_outlives_the_thread_that_made_it():
    made: list[LocalSandbox] = []
    thread = threading.Thread(target=lambda: made.append(LocalSandbox()))
    thread.start()
    thread.join()
    with made[0] as sandbox, sandbox.open(ECHO) as session:
        assert session.call("echo", {"value": 1}) == 1


def test_a_call_error_is_not_a_breach(echo):
    with pytest.raises(CallError):
        echo.call("echo", {})
    assert echo.call("echo", {"value": "still here"}) == "still here"
