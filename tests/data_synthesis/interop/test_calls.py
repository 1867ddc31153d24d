"""A call statement is read back as what it was written from; whatever is no such statement is refused, and not run."""

from __future__ import annotations

import keyword
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.interop.calls import BadCall, parse_call, positional_parameters

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and name != "print"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    name=NAMES,
    arguments=st.dictionaries(NAMES, VALUES, max_size=5),
    by_place=st.integers(0, 5),
    printed=st.booleans(),
    space=st.sampled_from(["", " ", "\n", "  # a remark\n"]),
)
def test_a_statement_gives_back_its_arguments(name, arguments, by_place, printed, space):
    places = [repr(value) for value in list(arguments.values())[:by_place]]
    keywords = [f"{key}={value!r}" for key, value in list(arguments.items())[by_place:]]
    statement = f"{name}({', '.join(places + keywords)})"
    statement = f"{space}{f'print({statement})' if printed else statement}{space}"
    assert parse_call(statement, list(arguments)) == (name, arguments)


@given(st.text(alphabet="f(a=1,b'\")[]{}:*.-+\\ \n", max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        name, arguments = parse_call(text, ["a", "b"])
    except BadCall:
        return
    assert name.isidentifier()
    assert isinstance(arguments, dict)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("", "holds 0 statements"),
        ("f(a=1); g(b=2)", "holds 2 statements"),
        ("x = f(a=1)", "is no call"),
        ("f", "is no call"),
        ("f(a=1) + 1", "is no call"),
        ("lambda: f(a=1)", "is no call"),
        ("f(a=", "is not Python"),
        ("```python\nf(a=1)\n```", "is not Python"),
        ("f(a='\0')", "is not Python"),
        ("tools.f(a=1)", "`tools.f`, which is no plain name"),
        ("f(a=1)(b=2)", "no plain name"),
        ("print(json.dumps(f(a=1)))", "no plain name"),
        ("print(f(a=1), 2)", "the value of `a` is `f(a=1)`"),
        ("print(f(a=1), end='')", "the value of `a`"),
        ("f(a=city)", "the value of `a` is `city`, which is no JSON literal"),
        ("f(a=true)", "`true`"),
        ("f(a=1 + 2)", "`1 + 2`"),
        ("f(a=1 + 2j)", "no JSON literal"),
        ("f(a=g())", "`g()`"),
        ("f(a=float('nan'))", "no JSON literal"),
        ("f(a=1e999)", "no JSON literal"),
        ("f(a=f'{x}')", "no JSON literal"),
        ("f(a=b'x')", "no JSON literal"),
        ("f(a={1, 2})", "no JSON literal"),
        ("f(a={1: 2})", "no JSON literal"),
        ("f(a={**{}})", "no JSON literal"),
        ("f(a=[*[1]])", "no JSON literal"),
        ("f(a=...)", "no JSON literal"),
        ("f(a=[x for x in y])", "no JSON literal"),
        ("f((a := 1))", "no JSON literal"),
        ("f(*[1])", "no JSON literal"),
        ("f(**{'a': 1})", "unpacks `**{'a': 1}`"),
        ("f(a=1, a=2)", "gives `a` twice"),
        ("f(1, a=2)", "gives `a` twice"),
        ("f(1, 2, 3)", "3 arguments by place, and 2 parameters are known"),
        pytest.param("f(a=" + "-" * 5000 + "1)", "", id="many signs"),
        pytest.param("f(a=" + "[" * 500 + "]" * 500 + ")", "", id="many brackets"),
        pytest.param("f(a=" + "9" * 5000 + ")", "", id="many digits"),
    ],
)
def test_what_python_would_have_to_evaluate_is_refused(statement, said):
    with pytest.raises(BadCall) as raised:
        parse_call(statement, ["a", "b"])
    assert said in str(raised.value)


def test_nothing_is_run(tmp_path: Path):
    trace = tmp_path / "trace"
    for statement in (
        f"open({str(trace)!r}, 'w')",
        f"f(a=open({str(trace)!r}, 'w'))",
        f"print(open({str(trace)!r}, 'w'))",
    ):
        try:
            parse_call(statement, ["a", "b"])
        except BadCall:
            continue
    assert not trace.exists()


def test_tuples_become_lists_and_escapes_keep_their_meaning():
    assert parse_call(r"f(a=(1, (2,)), b='\d')") == ("f", {"a": [1, [2]], "b": r"\d"})


def test_places_come_from_the_signature():
    source = "def g(x):\n    return x\n\ndef f(b, /, a, *rest, c=1, **more):\n    return g(a)\n"
    assert positional_parameters(source, "f") == ["b", "a"]
    assert positional_parameters(source, "h") is None
    assert positional_parameters("def f(", "f") is None
