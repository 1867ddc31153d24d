"""What a session says it used: CPU seconds of loading and of each call, and the lines that were executed."""

from __future__ import annotations

from textwrap import dedent

import pytest

from data_synthesis.sandbox import Breach, ToolRaised

SOURCE = dedent(
    """
    class Row:
        def __init__(self, name):
            self.name = name

        def unused(self):
            return None

    ROWS = [Row("a"), Row("b")]

    def helper(rows):
        return [
            row.name
            for row in rows
        ]

    def f(name):
        if name == "a":
            found = helper(ROWS)
            return found
        for row in ROWS:
            if row.name == name:
                break
        else:
            raise KeyError(name)
        return None
    """
).lstrip()
LOADING = {1, 2, 3, 5, 8, 10, 16}


def lines(sandbox, *names: str, traced: bool = True, **others: str) -> set[int]:
    with sandbox.open({"f": SOURCE, **others}, traced=traced) as session:
        for name in names:
            session.call("f", {"name": name})
        return set(session.usage().lines["f"])


def test_executed_lines_are_those_of_the_calls_and_of_loading(sandbox):
    assert lines(sandbox) == LOADING
    assert lines(sandbox, "a") == LOADING | {17, 18, 19, 11, 12, 13}
    assert lines(sandbox, "b") == LOADING | {17, 20, 21, 22, 25}
    assert lines(sandbox, "a", "b") == lines(sandbox, "a") | lines(sandbox, "b")


def test_nothing_is_traced_unless_asked_for(sandbox):
    assert lines(sandbox, "a", traced=False) == set()


def test_equal_code_in_two_tools_is_told_apart(sandbox):
    assert lines(sandbox, g=SOURCE.replace("def f", "def g")) == LOADING
    with sandbox.open({"f": SOURCE, "g": SOURCE + "g = f\n"}, traced=True) as session:
        session.call("g", {"name": "a"})
        used = session.usage()
    assert set(used.lines["f"]) == LOADING
    assert set(used.lines["g"]) > LOADING


def test_the_account_ends_the_tracing(sandbox):
    with sandbox.open({"f": SOURCE}, traced=True) as session:
        session.call("f", {"name": "a"})
        before = session.usage().lines
        session.call("f", {"name": "b"})
        assert session.usage().lines == before


def test_seconds_of_cpu_are_counted_for_loading_and_for_each_call(sandbox):
    work = "sum(range(3_000_000))"
    source = (
        f"import time\n{work}\ndef f(work):\n    {work} if work else time.sleep(0.05)\n    return 1 // work"
    )
    with sandbox.open({"f": source}) as session:
        session.call("f", {"work": 1})
        with pytest.raises(ToolRaised):
            session.call("f", {"work": 0})
        used = session.usage()
    worked, slept = used.call_seconds
    assert used.load_seconds > slept
    assert worked > slept


def test_a_dead_session_has_no_account(sandbox):
    with sandbox.open({"f": "import os\ndef f():\n    os._exit(3)"}) as session:
        with pytest.raises(Breach):
            session.call("f", {})
        with pytest.raises(Breach):
            session.usage()


def test_a_tool_that_stops_the_tracing_does_itself_no_good(sandbox):
    source = "import sys\ndef f():\n    sys.settrace(None)\n    return g()\ndef g():\n    return 1"
    with sandbox.open({"f": source}, traced=True) as session:
        session.call("f", {})
        assert session.usage().lines["f"] == {1, 2, 3, 5}
