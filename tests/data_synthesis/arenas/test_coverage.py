"""Which statements of a source are counted, which are excused, and what share of them was executed."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from data_synthesis.arenas.coverage import share, statements


def counted(source: str, *, excused: bool) -> list[str]:
    """The first lines of the statements that are excused when they are not executed, or of those that are not."""
    source = dedent(source).strip()
    lines = source.splitlines()
    found = statements(list(ast.walk(ast.parse(source))))
    return sorted(lines[each.first - 1].strip() for each in found if each.excused is excused)


def test_statements_of_functions_helpers_and_methods_are_counted_and_no_others():
    source = '''
    import math
    TABLE = {"a": 1}
    class Row:
        kind = 3
        def size(self):
            return 4
    def f(a):
        """Says what."""
        import json
        global TABLE
        b: int
        pass
        def inner():
            return a
        return [
            inner(),
            7,
        ]
    '''
    assert counted(source, excused=False) == ["return 4", "return [", "return a"]
    assert counted(source, excused=True) == []


REFUSALS = {
    "raise ValueError(a)": True,
    "return None": True,
    "return": True,
    "return {'error': a}": True,
    "return {'error': f'no {a}'}": True,
    "return {'success': False, 'why': a}": True,
    "return {'status': 'not_found'}": True,
    "return 'Error: no such thing'": True,
    "return f'error: {a}'": True,
    "return {'error': None, 'value': 1}": False,
    "return {'found': False}": False,
    "return a": False,
}


@pytest.mark.parametrize(("last", "refuses"), REFUSALS.items())
def test_a_block_that_refuses_is_excused(last, refuses):
    source = f"def f(a):\n    if a > 3:\n        b = a + 1\n        {last}\n    return g(a)"
    assert ("b = a + 1" in counted(source, excused=True)) is refuses


def test_a_handler_that_raises_is_excused_and_one_that_goes_on_is_not():
    source = """
    def f(a):
        try:
            b = 1
        except KeyError:
            raise ValueError
        except TypeError:
            b = 2
        finally:
            c = 3
    """
    assert counted(source, excused=True) == ["raise ValueError"]
    assert "b = 2" in counted(source, excused=False)


def test_rows_of_data_that_are_spelled_as_branches_are_excused():
    source = """
    def f(a, b):
        if a == "x":
            return {"n": 1}
        elif a == "y" and b == 2:
            c = [3, 4]
        elif a == b:
            return 5
        elif a == "z":
            return g(6)
        match b:
            case 1:
                return 7
            case 2:
                return g(8)
            case _:
                return 9
    """
    assert set(counted(source, excused=True)) == {
        'if a == "x":',
        'return {"n": 1}',
        'elif a == "y" and b == 2:',
        "c = [3, 4]",
        "return 7",
    }
    assert {"return 5", "return g(6)", "return g(8)", "return 9"} <= set(counted(source, excused=False))


def shared(source: str, *executed: int) -> float:
    return share(list(statements(list(ast.walk(ast.parse(dedent(source).strip()))))), set(executed))


def test_the_share_is_that_of_what_ran_and_what_should_have():
    source = """
    def f(a):
        if not a:
            raise ValueError
        b = (a +
             1)
        if b:
            c = 2
        return b
    """
    assert shared(source, 2, 4, 6, 7, 8) == 1.0
    assert shared(source, 2, 5, 6, 8) == 4 / 5  # the second line of a statement is enough
    assert shared(source, 2, 3) == 2 / 6  # what is excused counts where it ran
    assert shared(source) == 0.0
    assert shared("X = 1\ndef f():\n    pass") == 1.0
