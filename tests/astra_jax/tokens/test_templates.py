"""The Python renderer prints what the Jinja template prints, goes on from it exactly, and marks what is trained on."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken
from tokenizers import Tokenizer as RustTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from astra_jax.tokens import CHATML, FORMATS, QWEN3, Tokenizer
from astra_jax.tokens.tokenizer import unquote
from data_synthesis.records import Message, ToolCall, ToolSpec

KEEP = [QWEN3, CHATML, replace(QWEN3, enable_thinking=False)]
DROP = [replace(format, thinking="drop") for format in KEEP]


@pytest.fixture(scope="module")
def hf(nano):
    return AutoTokenizer.from_pretrained(nano.directory)


def template_text(hf, format, messages, tools, prompt=False):
    return hf.apply_chat_template(
        [message.openai() for message in messages],
        tools=[tool.openai() for tool in tools] or None,
        chat_template=format.chat_template(),
        add_generation_prompt=prompt,
        tokenize=False,
    )


def rendered(format, messages, tools):
    return unquote("".join(span.text for span in format.render(messages, tools)))


@settings(max_examples=80, deadline=None)
@given(data=st.data(), format=st.sampled_from(KEEP + DROP))
def test_renders_what_the_chat_template_renders(hf, conversations, format, data):
    messages, tools = data.draw(conversations)
    assert rendered(format, messages, tools) == template_text(hf, format, messages, tools)
    assert unquote(format.open(messages, tools)) == template_text(hf, format, messages, tools, prompt=True)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), format=st.sampled_from(KEEP))
def test_incremental_rendering_equals_the_chat_template_after_every_turn(hf, conversations, format, data):
    messages, tools = data.draw(conversations)
    replies = [span.text for span in format.render(messages, tools) if span.trainable]
    turns = [i for i, message in enumerate(messages) if message.role == "assistant"]
    text = format.open(messages[: turns[0]], tools)
    for at, turn in enumerate(turns):
        assert unquote(text) == template_text(hf, format, messages[:turn], tools, prompt=True)
        text += replies[at]
        assert unquote(text) + "\n" == template_text(hf, format, messages[: turn + 1], tools)
        text += format.observe(messages[turn + 1 : turns[at + 1]]) if at + 1 < len(turns) else ""


def sampled_text(message, thinks):
    """What a model writes to say `message`, put together independently of the renderer."""
    thought = (
        f"<think>\n{message.reasoning_content}\n</think>\n\n" if message.reasoning_content and thinks else ""
    )
    parts = [message.content] if message.content else []
    for call in message.openai().get("tool_calls", []):
        parts.append(f"<tool_call>\n{json.dumps(call['function'], ensure_ascii=False)}\n</tool_call>")
    return thought + "\n".join(parts) + "<|im_end|>"


@settings(max_examples=40, deadline=None)
@given(data=st.data(), format=st.sampled_from(KEEP))
def test_exactly_the_assistants_words_and_end_of_turn_are_trainable(conversations, format, data):
    messages, tools = data.draw(conversations)
    spans = format.render(messages, tools)
    said = [sampled_text(m, format.enable_thinking) for m in messages if m.role == "assistant"]
    assert [unquote(span.text) for span in spans if span.trainable] == said
    assert all(a.trainable != b.trainable for a, b in pairwise(spans))
    before = [a for a, b in pairwise(spans) if b.trainable]
    assert all(span.text.endswith(format.generation_prompt) for span in before)


TOOL = ToolSpec(name="add", description="Adds.", parameters={"type": "object", "properties": {}})
CALL = ToolCall(id="a", name="add", arguments={"x": 1, "größe": "é"})
TWO_QUESTIONS = [
    Message(role="system", content="Be brief."),
    Message(role="user", content="Add."),
    Message(role="assistant", content="Sure.", reasoning_content="Hm.", tool_calls=[CALL]),
    Message(role="tool", content="3"),
    Message(role="tool", content="4"),
    Message(role="assistant", content="3 and 4", reasoning_content="So."),
    Message(role="user", content="Thanks."),
    Message(role="assistant", content="Bye.", reasoning_content="Polite."),
]
HEAD = """<|im_start|>system
Be brief.

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
<|im_start|>user
Add.<|im_end|>
<|im_start|>assistant
"""  # noqa: E501
CALL_TEXT = (
    'Sure.\n<tool_call>\n{"name": "add", "arguments": {"x": 1, "größe": "é"}}\n</tool_call><|im_end|>\n'
)
RESULTS = """<|im_start|>user
<tool_response>
3
</tool_response>
<tool_response>
4
</tool_response><|im_end|>
<|im_start|>assistant
"""
NEXT = "<|im_start|>user\nThanks.<|im_end|>\n<|im_start|>assistant\n"
BYE = "<think>\nPolite.\n</think>\n\nBye.<|im_end|>\n"


def test_qwen3_text_is_the_published_format():
    drop = replace(QWEN3, thinking="drop")
    assert (
        rendered(drop, TWO_QUESTIONS, [TOOL])
        == HEAD + CALL_TEXT + RESULTS + "3 and 4<|im_end|>\n" + NEXT + BYE
    )
    within_one_query = HEAD + "<think>\nHm.\n</think>\n\n" + CALL_TEXT + RESULTS
    assert drop.open(TWO_QUESTIONS[:5], [TOOL]) == within_one_query


def test_keep_leaves_earlier_reasoning_in_place_and_drop_does_not():
    drop = replace(QWEN3, thinking="drop")
    for format, grows in ((QWEN3, True), (drop, False)):
        short, long = (rendered(format, TWO_QUESTIONS[:n], [TOOL]) for n in (6, 8))
        assert long.startswith(short) is grows
        assert ("Hm." in long) is grows


def test_a_turn_whose_reasoning_is_dropped_is_not_trained_on():
    spans = replace(QWEN3, thinking="drop").render(TWO_QUESTIONS, [TOOL])
    assert [span.text for span in spans if span.trainable] == [BYE.removesuffix("\n")]


def test_without_thinking_an_empty_thought_ends_each_prompt_and_is_context():
    spans = replace(QWEN3, enable_thinking=False).render(TWO_QUESTIONS[-2:])
    assert [span.text for span in spans if span.trainable] == ["Bye.<|im_end|>"]
    assert spans[0].text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_chatml_without_tools_is_smollm2s_own_format(plain_conversations, data):
    messages, _ = data.draw(plain_conversations)
    messages = [m.model_copy(update={"tool_calls": []}) for m in messages if m.role != "tool"]
    name = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    expected = [] if messages[0].role == "system" else [Message(role="system", content=name)]
    turns = [f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in [*expected, *messages]]
    assert rendered(CHATML, messages, ()) == "".join(turns)
    assert CHATML.open(messages) == "".join(turns) + "<|im_start|>assistant\n"


def test_chatml_puts_tools_into_the_system_message():
    text = CHATML.open([Message(role="user", content="Hi")], [TOOL])
    assert text.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert "\n\n# Tools\n\n" in text
    assert text.count("<|im_start|>system") == 1


def test_template_begins_with_the_bos_it_was_given(hf):
    template = CHATML.chat_template(bos="<s>")
    text = hf.apply_chat_template([{"role": "user", "content": "Hi"}], chat_template=template, tokenize=False)
    assert text.startswith("<s><|im_start|>system")
    assert text.count("<s>") == 1


@pytest.mark.parametrize(
    ("bos", "inserted"),
    [("<s>", True), ("<s>", False), (None, False), ("<|im_start|>", True)],
    ids=["inserts", "declares_only", "has_none", "inserts_the_turn_start"],
)
def test_a_tokenizers_template_gives_the_ids_of_its_prompts(nano, tmp_path, bos, inserted):
    """Rendered by a server, and tokenised with nothing inserted."""
    rust = RustTokenizer.from_file(str(nano.directory / "tokenizer.json"))
    rust.add_special_tokens([AddedToken("<s>", normalized=False)])
    if inserted:
        rust.post_processor = TemplateProcessing(f"{bos} $A", special_tokens=[(bos, rust.token_to_id(bos))])
    rust.save(str(tmp_path / "tokenizer.json"))
    config = json.loads((nano.directory / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"bos_token": bos}))
    tokenizer, messages = Tokenizer(tmp_path), TWO_QUESTIONS[1:2]
    ids = AutoTokenizer.from_pretrained(tmp_path).apply_chat_template(
        [message.openai() for message in messages],
        tools=[TOOL.openai()],
        chat_template=CHATML.template_for(tokenizer),
        add_generation_prompt=True,
        return_dict=False,
    )
    assert ids == tokenizer.encode_prompt(CHATML.open(messages, [TOOL]))


def test_formats_are_found_by_name():
    assert FORMATS["qwen3"] is QWEN3
    assert FORMATS["chatml"] is CHATML


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="at least one message"):
        QWEN3.render([])
    with pytest.raises(ValueError, match="only ever sampled"):
        QWEN3.observe([Message(role="assistant", content="I was not sampled")])
