"""A question in words."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from data_synthesis.teacher.interface import Prompt

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner))


@given(value=values.filter(lambda value: not isinstance(value, str)))
def test_a_variable_that_is_no_text_is_shown_as_json(value):
    text = Prompt("p", "1", {"facts": value}, BaseModel, template="$facts").text()
    assert json.loads(text) == value


def test_json_is_shown_with_a_line_for_each_part_and_in_its_own_script():
    prompt = Prompt("p", "1", {"facts": [{"größe": 1}], "who": "Zoë"}, BaseModel, template="$who: $facts")
    assert prompt.text() == 'Zoë: [\n {\n  "größe": 1\n }\n]'
