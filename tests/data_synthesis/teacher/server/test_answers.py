"""What is taken for an answer can be kept and read again; what cannot is refused with a reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from data_synthesis.teacher.server.answers import Refused, validated


class Anything(BaseModel):
    value: JsonValue


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES)
def test_what_is_taken_reads_back_as_it_is(value):
    try:
        reply = validated(json.dumps({"value": value}), Anything)
    except Refused:
        assert "Infinity" in json.dumps(value) or "NaN" in json.dumps(value)
    else:
        assert Anything.model_validate_json(reply.model_dump_json()) == reply


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400 + ".0", '[0, {"deep": 1e999}]'])
def test_a_number_that_nothing_can_hold_is_refused(number):
    with pytest.raises(Refused, match="a number is not finite"):
        validated(f'{{"value": {number}}}', Anything)
