"""The parser answers any text, and undoes the renderer on well-formed turns."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.tokens import QWEN3, parse
from data_synthesis.records import Message, ToolCall

FRAGMENTS = st.sampled_from(
    [
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        "<|im_end|>",
        '{"name": "f", "arguments": {}}',
        '{"name": "',
        '"arguments": ',
        "{",
        "}",
        "[",
        '"',
        "\\",
        "\\ud800",
        "NaN",
        "1e999",
        "-",
        "\n",
        " ",
        "0",
        "\ud800",
    ]
)


def call(name="f", arguments="{}"):
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


@settings(max_examples=300, deadline=None)
@given(text=st.lists(FRAGMENTS | st.text(st.characters(), max_size=4), max_size=12).map("".join))
def test_any_text_is_parsed_and_can_be_recorded(text):
    turn = parse(text, turn=3)
    assert [c.id for c in turn.calls] == [f"call_3_{i}" for i in range(len(turn.calls))]
    assert all((c.arguments is None) == bool(c.problem) for c in turn.calls)
    assert len(turn.calls) <= text.count("<tool_call>")
    calls = [ToolCall(id=c.id, name=c.name, arguments=c.arguments or {}) for c in turn.calls]
    message = Message(
        role="assistant", content=turn.content, reasoning_content=turn.reasoning, tool_calls=calls
    )
    assert Message.model_validate_json(message.model_dump_json()) == message


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_parsing_undoes_rendering(plain_conversations, data):
    messages, _ = data.draw(plain_conversations)
    for index, message in enumerate(m for m in messages if m.role == "assistant"):
        thought = message.model_copy(
            update={"reasoning_content": data.draw(st.none() | st.just("Let me see."))}
        )
        reply = QWEN3.render([Message(role="user", content="Hi"), thought])[1].text
        parsed = parse(reply, turn=index)
        assert (parsed.content, parsed.reasoning) == (message.content.strip(), thought.reasoning_content)
        assert [(c.name, c.arguments, c.problem) for c in parsed.calls] == [
            (c.name, c.arguments, "") for c in message.tool_calls
        ]


def test_text_around_calls_is_content():
    turn = parse("I will look.\n" + call("a") + "\nand\n" + call("b") + "<|im_end|>ignored", turn=0)
    assert [c.name for c in turn.calls] == ["a", "b"]
    assert turn.content == "I will look.\n\nand"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [('{"x": 1}', {"x": 1}), (r'"{\"x\": 1}"', {"x": 1}), ('{"x": "<tool_call></tool_call>"}', None)],
)
def test_arguments_are_an_object_or_the_json_text_of_one(arguments, expected):
    turn = parse(call(arguments=arguments), turn=0)
    assert len(turn.calls) == 1
    assert turn.calls[0].arguments == (expected or json.loads(arguments))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<tool_call></tool_call>", "not valid JSON"),
        ("<tool_call>add(1, 2)</tool_call>", "not valid JSON"),
        ("<tool_call>{'name': 'f', 'arguments': {}}</tool_call>", "not valid JSON"),
        (call()[:-12] + "} trailing</tool_call>", "not valid JSON: Extra data"),
        ("<tool_call>[1]</tool_call>", "not a JSON object"),
        ('<tool_call>{"arguments": {}}</tool_call>', "no name"),
        ('<tool_call>{"name": 3, "arguments": {}}</tool_call>', "no name"),
        ('<tool_call>{"name": "f"}</tool_call>', "arguments are not a JSON object"),
        (call(arguments="[1]"), "arguments are not a JSON object"),
        (call(arguments='"not JSON"'), "arguments are not a JSON object"),
        (call(arguments="null"), "arguments are not a JSON object"),
        (call(arguments='{"x": NaN}'), "not valid JSON"),
        (call(arguments='{"x": 1e999}'), "not valid JSON"),
        (call(arguments=r'{"x": "\ud800"}'), "half a character"),
        (call(arguments='{"x": ' + "[" * 50 + "]" * 50 + "}"), "nested more than 32"),
        ("<tool_call>" + "[" * 100_000, "not valid JSON"),
        (call(arguments='{"x": ' + "9" * 5000 + "}"), "not valid JSON"),
    ],
)
def test_a_malformed_call_counts_and_says_what_is_wrong(text, problem):
    turn = parse(text, turn=0)
    assert len(turn.calls) == 1
    assert turn.calls[0].arguments is None
    assert problem in turn.calls[0].problem


def test_the_name_of_a_call_with_bad_arguments_is_kept():
    assert parse(call("f", "[1]"), turn=0).calls[0].name == "f"


def test_an_unclosed_call_ends_with_the_text_or_at_the_next_call():
    assert parse('<tool_call>{"name": "f", "arguments": {}}<|im_end|>', turn=0).calls[0].arguments == {}
    assert parse('<tool_call>{"name": "f", "arguments": {', turn=0).calls[0].problem
    names = [c.name for c in parse('<tool_call>{"name": "a", "arguments": {}}\n' + call("b"), turn=0).calls]
    assert names == ["a", "b"]


def test_nested_tags_are_two_calls_of_which_one_is_good():
    turn = parse("<tool_call>" + call() + "</tool_call>", turn=0)
    assert [bool(c.problem) for c in turn.calls] == [True, False]


def test_calls_in_thoughts_are_not_calls():
    assert parse(f"<think>{call()}</think>Hi", turn=0).calls == []
    assert parse(f"<think>I might {call()}", turn=0).calls == []
    assert parse(f"opened by the prompt</think>\n\n{call()}", turn=0).reasoning == "opened by the prompt"


def test_a_thought_tag_after_a_call_does_not_hide_it():
    assert len(parse(call() + "</think>", turn=0).calls) == 1
