"""What is read out of a tool's source: its signature, its clock, its literals, its data."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest

from data_synthesis.arenas.source import ToolSource, read_source


def read(source: str) -> ToolSource:
    return read_source(dedent(source).strip(), "f")


@pytest.mark.parametrize(
    "body",
    [
        "import time\ndef f(): return time.time()",
        "import time as t\ndef f(): return t.monotonic_ns()",
        "from time import perf_counter as tick\ndef f(): return tick()",
        "import time\ndef f(clock=time.time): return clock()",
        "import time\ndef f(): return time.strftime('%Y')",
        "import time\ndef f(): return time.localtime().tm_year",
        "import datetime\ndef f(): return str(datetime.datetime.now())",
        "from datetime import date\ndef f(): return date.today().year",
        "import datetime as d\nD = d.datetime\ndef f(): return D.utcnow().year",
        "def f():\n    import random\n    return random.random()",
        "from random import choice\ndef f(): return choice([1, 2])",
        "import random\ndef f(): return random.Random().random()",
        "import random\ndef f(): return random.SystemRandom(1).random()",
        "import uuid\ndef f(): return str(uuid.uuid4())",
        "import secrets\ndef f(): return secrets.token_hex(4)",
        "import os\ndef f(): return os.urandom(2).hex()",
    ],
)
def test_clocks_and_random_numbers_are_seen(body):
    assert read(body).clock_or_random


@pytest.mark.parametrize(
    "body",
    [
        "def f(): return id(f)",
        "import os\ndef f(): return os.getpid()",
        "import platform\ndef f(): return platform.node()",
    ],
)
def test_what_belongs_to_the_process_is_seen(body):
    assert read(body).of_the_process


@pytest.mark.parametrize(
    "body",
    [
        "import random\ndef f(seed): return random.Random(seed).random()",
        "import random\ndef f(seed):\n    random.seed(seed)\n    return random.random()",
        "from datetime import date as d\ndef f(day): return d.fromisoformat(day).year",
        "import time\ndef f(s): return time.strftime('%Y', time.gmtime(s))",
        "import uuid\ndef f(name): return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))",
        "def f(time, random): return time.time + random.random",
        "def f(id): return {'id': id, 'now': 3}",
        "def f(row): return row.today",
    ],
)
def test_what_depends_on_arguments_alone_is_not(body):
    source = read(body)
    assert not source.clock_or_random
    assert not source.of_the_process


@pytest.mark.parametrize(
    "body",
    [
        "def g(): pass",
        "def f(): pass\ndef f(): pass",
        "async def f(): pass",
        "f = lambda: 1",
        "def f(:",
        "x = '\0'",
        "class A:\n  def f(): pass",
        "def f(): pass\nx" + ".a" * 3000,
        "x = " + "-" * 9000 + "1",
    ],
)
def test_a_source_must_define_its_function_once(body):
    with pytest.raises(ValueError, match=r"source of `f`|null bytes"):
        read(body)


def test_the_signature():
    source = read("def f(a, /, b, c=3, *, d, e='x', **rest): pass")
    assert (source.parameters, source.required) == ({"b", "c", "d", "e"}, {"a", "b", "d"})
    assert source.open_ended
    assert source.defaults == (3, "x")


def test_returned_literals_are_those_of_no_particular_input():
    source = read(
        """
        def f(a):
            if a == 1:
                return "branch"
            for b in a:
                return "loop"
            return {"n": 5, "low": -5, "text": f"of {a} kinds", "list": ["x", g("call"), 2 * 3], "or": a or "z"}
        """
    )
    assert set(source.returned) == {5, -5, "of ", " kinds", "x", "z"}


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ("T = {'a': 1, 'b': 2}", {("a", "b")}),
        ("T = {('a', 1): 'x', ('b', 2): 'y'}", {("a", "b"), (1, 2)}),
        (
            "T = {'a': {'k': 'x', 'n': 1}, 'b': {'k': 'y', 'n': 2}}",
            {("a", "b"), ("x", "y"), (1, 2), ("k", "n", "k", "n")},
        ),
        ("T = [{'k': 'x'}, {'k': 'y'}]", {("x", "y")}),
        ("T = [('x', 1), ('y', 2)]", {("x", "y"), (1, 2)}),
        ("T = [['x', -1], ['y', 2.5]]", {("x", "y"), (-1, 2.5)}),
        ("A = ['x', 'y']\nB = [1, 2]", {("x", "y"), (1, 2)}),
        ("T = [Row('x', n=1), Row('y', n=2)]", {("x", "y"), (1, 2)}),
        ("T = 'x|1\\ny|2'", {("x", "y"), ("1", "2")}),
        ('T = \'[{"k": "x"}, {"k": "y"}]\'', {("x", "y")}),
        ("def g(a):\n    if a == 'x': return 1\n    elif a == 'y': return 2", {("x", "y")}),
        ("def g(a):\n    match a:\n        case 'x': return 1\n        case 'y': return 2", {("x", "y")}),
        ("T = {'only': True}", set()),
    ],
)
def test_columns_of_data_in_every_style(body, columns):
    found = read(f"{body}\ndef f(): pass").columns
    assert columns <= {tuple(column) for column in found} if columns else not found


def test_tables_are_collections_of_rows_of_one_shape_outside_returns():
    source = read(
        """
        T = {"a": 1, "b": 2, "c": 3}
        MIXED = {"a": 1, "b": "x", "c": 3}
        SHORT = ["x", "y"]
        def f():
            return ["p", "q", "r"]
        """
    )
    assert source.tables == ((("a", 1), ("b", 2), ("c", 3)),)


def test_threads_read_at_the_same_time():
    """A garbage collection that lets other threads run in the middle of a parse made CPython 3.11.7 fail."""
    sources = [f"def f():\n    return {[[i, {'a': (i, -i)}]] * 40}\n" for i in range(60)]

    def others_go_on(*_: object) -> None:
        time.sleep(0)

    thresholds = gc.get_threshold()
    gc.callbacks.append(others_go_on)
    gc.set_threshold(20)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda source: read_source.__wrapped__(source, "f"), sources))
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(others_go_on)
