import json
import random

from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.arenas.schema import problems
from data_synthesis.trajectories.rehearsal.clauses import Clause, clauses, in_words, request
from data_synthesis.trajectories.rehearsal.values import arguments

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="«»"), max_size=8)
ARGUMENTS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.integers() | st.booleans() | TEXT | st.lists(TEXT, max_size=2),
)
CLAUSES = st.lists(st.builds(Clause, st.from_regex(r"[a-z]{1,6}( [a-z]{1,6})?", fullmatch=True), ARGUMENTS))


@given(said=CLAUSES, language=st.sampled_from(["en", "zh"]))
def test_a_request_can_be_read_back_to_its_calls(said, language):
    assert clauses("Before. " + request(said, language)) == said


@given(text=st.text())
def test_any_text_can_be_read(text):
    assert isinstance(clauses(text), list)


def test_names_become_words():
    assert in_words("getOrder_by-ID2") == "get order by id 2"
    assert in_words("HTTPServer.list") == "http server list"


SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.integers(-5, 5)}),
        "b": st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 40)}),
        "c": st.fixed_dictionaries({"enum": st.lists(st.text(max_size=3), min_size=1, max_size=3)}),
        "d": st.fixed_dictionaries(
            {"type": st.just("array"), "items": st.just({"type": "number"}), "minItems": st.integers(0, 4)}
        ),
        "e": st.just({"type": ["null", "boolean"]}),
        "f": st.just({"$ref": "#/$defs/x"}),
    },
)


@given(properties=SCHEMAS, seed=st.integers())
def test_arguments_fit_their_schema_and_are_those_of_their_seed(properties, seed):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    schema["$defs"] = {"x": {"type": "object", "properties": {"y": {"const": 1}}, "required": ["y"]}}
    made = arguments(schema, random.Random(seed))
    assert made is not None
    assert problems(made, schema) == []
    assert set(made) == set(properties)
    assert json.dumps(made) == json.dumps(arguments(schema, random.Random(seed)))


def test_a_schema_that_nothing_made_here_fits_has_no_arguments():
    nothing = {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}, "required": ["a", "b"]}
    assert arguments(nothing, random.Random(0)) is None
