from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_arenas import arena_of, tool_of
from small_benchmarks import FERRY, SHORT

from data_synthesis.arenas.text import normalise
from data_synthesis.records import Arena, FollowUp
from data_synthesis.selection.benchmark_formats import Function
from data_synthesis.selection.benchmarks import Benchmark
from data_synthesis.selection.contamination import Contamination

LONG = " ".join(
    ["You are a potter who calls about a kiln.", *(f"Fact {n} is about glaze {n * n}." for n in range(60))]
)
ZH = "请帮我查一下星期天早上从北港开往北岛的渡轮是几点出发的"


@pytest.fixture(scope="module")
def contamination() -> Contamination:
    functions = {
        Function("ferry.find", frozenset({"harbour", "weekday"})),
        Function("get_weather", frozenset({"city"})),
        Function("list_all", frozenset()),
    }
    return Contamination([Benchmark("bfcl", "here", (FERRY, SHORT, LONG, ZH, "?!"), frozenset(functions))])


@pytest.mark.parametrize(
    "question",
    [
        FERRY,
        FERRY.upper().replace(" ", "  "),
        f"I live on the island. {FERRY} Please be quick.",
        FERRY.replace("second Sunday of May", "first Monday of June"),
        " ".join(FERRY.split()[:11]) + "?",  # more than half of the prompt
        " ".join(FERRY.split()[:11])
        + " "
        + LONG.replace("glaze", "clay"),  # the same, inside a long question
        "water the ferns!",
        "You are a potter who calls about a kiln. Fact 0 is about glaze 0.",  # an excerpt of a long prompt
        ZH,
        "你好，" + ZH + "？谢谢",
    ],
)
def test_what_repeats_a_prompt_is_found(contamination: Contamination, question: str):
    found = contamination.of(arena_of(question))
    assert found
    assert found.benchmark == "bfcl"
    assert "the question" in found.detail


@pytest.mark.parametrize(
    "question",
    [
        "Which ferry leaves the southern harbour before the concert begins on the last Tuesday of August?",
        " ".join(FERRY.split()[:8]) + " at the pier of the old town where we met the singer last year?",
        "Please water the ferns in the hall while I am away for two weeks.",
        "请帮我订一间星期天晚上北港附近带阳台的双人房",
        "?",
    ],
)
def test_what_shares_words_only_is_not(contamination: Contamination, question: str):
    assert contamination.of(arena_of(question)) is None


def test_a_follow_up_counts_as_much_as_the_question(contamination: Contamination):
    arena = arena_of("Tell me.", variant="missing_parameter", follow_ups=[FollowUp(content=FERRY)])
    assert contamination.of(arena)


@pytest.mark.parametrize("place", ["tools", "distractors"])
@pytest.mark.parametrize(
    ("tool", "repeated"),
    [
        (tool_of("ferry.find", "harbour", "weekday"), True),
        (tool_of("ferryFind", "Weekday", "harbour"), True),
        (tool_of("get_weather", "city"), True),
        (tool_of("get_weather", "city", "unit"), False),
        (tool_of("ferry_find", "harbour"), False),
        (tool_of("list_all"), False),
    ],
)
def test_a_tool_repeats_a_function_by_name_and_parameters(
    contamination: Contamination, tool, repeated: bool, place: str
):
    arena = arena_of("Tell me what it says.")
    arena = arena.model_copy(update={place: [tool]})
    found = contamination.of(arena)
    assert (found is not None) == repeated
    assert contamination.names_alone(arena) == (not repeated)
    if found:
        assert found.detail == f"the tool `{tool.name}` is a function of bfcl"


def test_a_tool_of_its_own_shares_nothing(contamination: Contamination):
    arena = arena_of("Tell me what it says.", tools=[tool_of("find_ferry", "harbour", "weekday")])
    assert contamination.of(arena) is None
    assert contamination.names_alone(arena) == 0


def test_against_nothing_everything_is_clean():
    assert Contamination([]).of(arena_of(FERRY)) is None


@given(st.text(max_size=200))
def test_every_prompt_with_a_token_is_found_again(text: str):
    contamination = Contamination([Benchmark("b", "here", (text,), frozenset())])
    found = contamination.of_text(text)
    assert (found is not None) == bool(normalise(text))


def test_the_arena_is_read_only(contamination: Contamination):
    arena = arena_of(FERRY)
    before = arena.model_dump_json()
    contamination.of(arena)
    assert Arena.model_validate_json(before) == arena
