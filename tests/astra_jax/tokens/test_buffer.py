"""What is trained on is what was sampled: invariant 1, for rollouts and for SFT rows alike."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.tokens import CHATML, QWEN3, TokenBuffer, tokenise
from astra_jax.tokens.tokenizer import unquote
from data_synthesis.records import Message, Trajectory

FORMATS = [QWEN3, CHATML, replace(QWEN3, enable_thinking=False)]
USER = [Message(role="user", content="What is the price?")]
RESULT = [Message(role="tool", content='{"price":7}')]


def roll_out(tokenizer, format, messages, tools):
    """Plays a finished conversation as an episode; its assistant turns are what the model 'samples'."""
    replies = [span.text for span in format.render(messages, tools) if span.trainable]
    turns = [index for index, message in enumerate(messages) if message.role == "assistant"]
    buffer = TokenBuffer(tokenizer, format)
    buffer.start(messages[: turns[0]], tools)
    for reply, turn, following in zip(replies, turns, [*turns[1:], None], strict=True):
        ids = tokenizer.encode_chat(reply)
        buffer.sampled(ids, [-1.0] * len(ids))
        if following is not None:
            buffer.observe(messages[turn + 1 : following])
    return buffer


@settings(max_examples=40, deadline=None)
@given(data=st.data(), format=st.sampled_from(FORMATS))
def test_sft_rows_have_the_ids_of_a_rollout_of_the_same_turns(nano, conversations, format, data):
    messages, tools = data.draw(conversations)
    buffer = roll_out(nano, format, messages, tools)
    row = tokenise(Trajectory(messages=messages, tools=tools), nano, format)
    assert row.ids == buffer.ids
    assert row.loss_mask == buffer.loss_mask


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_trainable_ids_decode_to_the_assistants_words(nano, conversations, data):
    messages, tools = data.draw(conversations)
    row = tokenise(Trajectory(messages=messages, tools=tools), nano, QWEN3)
    spans = QWEN3.render(messages, tools)
    trained = [i for i, mask in zip(row.ids, row.loss_mask, strict=True) if mask]
    assert nano.decode(trained) == unquote("".join(span.text for span in spans if span.trainable))
    assert row.loss_mask[-1] == 1
    assert trained.count(nano.id("<|im_end|>")) == sum(message.role == "assistant" for message in messages)


@settings(max_examples=50, deadline=None)
@given(turns=st.lists(st.lists(st.integers(0, 699), max_size=8), min_size=1, max_size=4))
def test_whatever_is_sampled_stays_and_the_next_prompt_continues_it(nano, turns):
    buffer = TokenBuffer(nano, QWEN3)
    buffer.start(USER)
    sampled, history = [], buffer.ids
    for ids in turns:
        logprobs = [-float(i) for i in ids]
        buffer.sampled(ids, logprobs)
        assert buffer.ids == history + ids
        buffer.observe(RESULT)
        assert buffer.ids[: len(history) + len(ids)] == history + ids
        sampled += zip(ids, logprobs, strict=True)
        history = buffer.ids
    rows = list(zip(buffer.ids, buffer.logprobs, buffer.loss_mask, strict=True))
    assert [(i, logprob) for i, logprob, mask in rows if mask] == sampled
    assert all(logprob == 0.0 for _, logprob, mask in rows if not mask)
    assert not any(buffer.loss_mask[: buffer.prompt_length])
    assert len(buffer) == len(buffer.ids)


def test_a_sampled_end_of_turn_is_trained_on_and_its_newline_is_not(nano):
    end = nano.id("<|im_end|>")
    buffer = TokenBuffer(nano, QWEN3)
    buffer.start(USER)
    buffer.sampled([5, end], [-1.0, -2.0])
    buffer.observe(RESULT)
    after = buffer.prompt_length + 2
    assert buffer.loss_mask[buffer.prompt_length : after] == [1, 1]
    assert buffer.ids[buffer.prompt_length :].count(end) == 2  # the sampled one, and that of the tool's turn
    assert nano.decode(buffer.ids[after:]).startswith("\n<|im_start|>user\n<tool_response>")
    assert not any(buffer.loss_mask[after:])


def test_a_turn_that_was_cut_off_is_closed_by_context(nano):
    end = nano.id("<|im_end|>")
    buffer = TokenBuffer(nano, QWEN3)
    buffer.start(USER)
    buffer.sampled([5, 6], [-1.0, -2.0])
    assert buffer.ids[-2:] == [5, 6]
    buffer.observe(RESULT)
    at = buffer.prompt_length + 2
    assert buffer.ids[at] == end
    assert buffer.loss_mask[at - 1 : at + 1] == [1, 0]
    assert buffer.logprobs[at] == 0.0


def test_sampling_stops_at_end_of_turn_and_end_of_text(nano):
    assert set(TokenBuffer(nano, QWEN3).stop_ids) == {nano.id("<|im_end|>"), nano.eos_id}


def test_context_after_the_last_turn_is_not_in_a_row(nano, trajectories):
    whole = trajectories[0]
    broken = Trajectory(messages=whole.messages[:3], tools=whole.tools)
    row = tokenise(broken, nano, QWEN3)
    assert row.ids[-1] == nano.id("<|im_end|>")
    assert row.loss_mask[-1] == 1
    assert tokenise(Trajectory(messages=whole.messages[:1], tools=[]), nano, QWEN3).ids == []


def test_a_format_that_drops_reasoning_cannot_be_rolled_out(nano):
    with pytest.raises(ValueError, match="thinking='keep'"):
        TokenBuffer(nano, replace(QWEN3, thinking="drop"))


def test_calls_out_of_order_are_refused(nano):
    buffer = TokenBuffer(nano, QWEN3)
    for call in (lambda: buffer.observe(RESULT), lambda: buffer.sampled([1], [0.0])):
        with pytest.raises(ValueError, match="sampled"):
            call()
    buffer.start(USER)
    with pytest.raises(ValueError, match="started already"):
        buffer.start(USER)
    with pytest.raises(ValueError, match="2 sampled ids came with 1 log-probs"):
        buffer.sampled([1, 2], [0.0])
    buffer.sampled([1], [0.0])
    with pytest.raises(ValueError, match="sampled already"):
        buffer.sampled([1], [0.0])
