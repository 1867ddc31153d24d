from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_arenas import SHAPES, arena_of, tool_of
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from data_synthesis.arenas import from_rl_row, to_rl_row
from data_synthesis.selection.difficulty import answer_type, measure, script, shape
from data_synthesis.selection.schema_size import WORDS_AND_MARKS, BadTokenizer, schema_size, tokens_of


@st.composite
def dags(draw: st.DrawFn) -> dict[int, list[int]]:
    """Parents by id; the ids are shuffled, so that parents may have larger ids."""
    ids = draw(st.permutations(range(1, draw(st.integers(1, 9)) + 1)))
    return {
        node: draw(st.lists(st.sampled_from(ids[:place]), unique=True, max_size=3)) if place else []
        for place, node in enumerate(ids)
    }


def longest_path(parents: dict[int, list[int]], node: int) -> int:
    return 1 + max((longest_path(parents, parent) for parent in parents[node]), default=0)


@given(dags())
def test_the_shape_is_that_of_the_longest_paths(parents: dict[int, list[int]]):
    sizes = Counter(longest_path(parents, node) for node in parents)
    found = shape(arena_of("Which?", parents).gold_calls)
    assert found
    assert (found.depth, found.width) == (max(sizes), max(sizes.values()))
    assert found.parallel_calls == sum(size for size in sizes.values() if size > 1)
    assert ("multi_hop" in found.scenario) == (found.depth > 1)
    assert found.scenario.startswith("parallel") == (found.width > 1)


@pytest.mark.parametrize("scenario", SHAPES)
def test_a_scenario_has_its_shape(scenario: str):
    measured = measure(arena_of("Which?", scenario))
    assert measured.shape
    assert measured.shape.scenario == scenario
    assert measured.parallel_share == {"single_hop": 0, "multi_hop": 0, "parallel_multi_hop": 2 / 3}.get(
        scenario, 1
    )


@pytest.mark.parametrize("parents", [{1: [2], 2: [1]}, {1: [3]}])
def test_dependencies_that_are_no_dag_are_refused(parents: dict[int, list[int]]):
    with pytest.raises(ValueError, match=r"circle|no node has the id 3"):
        measure(arena_of("Which?", parents))


def test_a_released_row_has_no_shape_but_everything_else():
    arena = arena_of("Which?", "multi_hop", distractors=[tool_of("other", "key")])
    measured, proved = measure(from_rl_row(to_rl_row(arena))), measure(arena)
    assert measured.shape is None
    assert measured.parallel_share is None
    assert (measured.gold_calls, measured.tools, measured.distractors) == (2, 1, 1)
    assert measured.schema_size == proved.schema_size > 0


@pytest.mark.parametrize(
    ("expected", "kind"),
    [
        *[(value, "number") for value in (3, 2.5, "12.0", "1,200", "$412", "85%", "-3")],
        *[
            (value, "date")
            for value in ("2024-05-12", "2024-05-12T08:30:00Z", "14:30", "3:05 pm", "May 3, 2024")
        ],
        *[(value, "date") for value in ("3rd of May", "12 September 2024", "05/12/2024", "2024年5月12日")][
            1:
        ],
        *[(value, "text") for value in ("Lindal", "SKU-5001", "12 rooms", "3/4 of it", "007", "五月")],
        (True, "boolean"),
        ([1, 2], "list"),
        ({"price": 3}, "object"),
    ],
)
def test_an_answer_has_the_type_that_it_spells(expected: object, kind: str):
    assert answer_type(expected) == kind  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Which ferry leaves first?", "Latin"),
        ("去北岛的渡轮 IC-8299 几点出发？", "Han"),
        ("Какой паром отходит?", "other"),
        ("12?", "other"),
        ("", "other"),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, kind: str):
    assert script(text) == kind


def test_words_and_marks_are_counted_and_han_characters_one_by_one():
    assert WORDS_AND_MARKS.count("") == 0
    assert WORDS_AND_MARKS.count('{"name": "look_up"}') == 9
    assert WORDS_AND_MARKS.count("查 渡轮 times") == 4


def test_tokens_are_those_of_the_file(tmp_path):
    tokenizer = Tokenizer(WordLevel({"look_up": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    folder = tmp_path / "tiny-model"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    unit = tokens_of(folder)
    assert unit.name == "tokens of tiny-model"
    assert unit.count("look_up the ferry") == 3
    specs = [tool_of("look_up", "key").spec, tool_of("other").spec]
    assert schema_size(specs, unit) == sum(schema_size([spec], unit) for spec in specs)


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json is not a tokenizer"):
        tokens_of(tmp_path)
