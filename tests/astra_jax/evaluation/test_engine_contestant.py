"""A checkpoint in conversation: what it is shown grows token by token, and begins anew only where tools change."""

import asyncio

import pytest

from astra_jax.evaluation.contestant import OutOfContext
from astra_jax.evaluation.engine_contestant import EngineContestant
from astra_jax.inference.interface import Completion, ContextOverflow
from astra_jax.tokens import QWEN3
from data_synthesis.records import Message, ToolCall, ToolSpec

TOOL, LATER = ToolSpec(name="add"), ToolSpec(name="subtract")
CALL = '<tool_call>\n{"name": "add", "arguments": {"n": 1}}\n</tool_call><|im_end|>'


class Scripted:
    """An engine that says what it is told to, and keeps what it was shown."""

    def __init__(self, tokenizer, *texts):
        self._tokenizer, self._texts = tokenizer, list(texts)
        self.prompts, self.sampling, self.sessions, self.released = [], [], [], []

    async def generate(self, token_ids, sampling, *, session=""):
        self.prompts.append(list(token_ids))
        self.sampling.append(sampling)
        self.sessions.append(session)
        ids = self._tokenizer.encode(self._texts.pop(0))
        reason = "stop" if ids[-1] in sampling.stop_ids else "length"
        return Completion(ids, [0.0] * len(ids), reason, [0] * len(ids))

    def release(self, session):
        self.released.append(session)


def opened(tokenizer, *texts):
    engine = Scripted(tokenizer, *texts)
    return engine, EngineContestant(engine, tokenizer, QWEN3, "toy", 0.6, 32).open("item_1", seed=0)


def said(conversation, messages, tools=(TOOL,)):
    return asyncio.run(conversation.reply(messages, tools))


def test_each_prompt_begins_with_the_one_before_and_what_was_sampled(small):
    engine, conversation = opened(small.tokenizer, CALL, "Done.<|im_end|>")
    messages = [Message(role="user", content="Add one.")]
    reply = said(conversation, messages)
    assert [(call.name, call.arguments) for call in reply.calls] == [("add", {"n": 1})]
    messages.append(Message(role="assistant", tool_calls=[ToolCall(id="1", name="add", arguments={"n": 1})]))
    messages.append(Message(role="tool", content="1", tool_call_id="1"))
    reply = said(conversation, messages)
    assert (reply.content, reply.calls, reply.cut_off) == ("Done.", [], False)
    first, second = engine.prompts
    sampled = small.tokenizer.encode(CALL)
    assert second[: len(first) + len(sampled)] == first + sampled
    assert engine.sessions[0] == engine.sessions[1]
    assert engine.sampling[0].seed != engine.sampling[1].seed


def test_new_tools_stand_where_a_prompt_begins_so_it_is_made_anew(small):
    engine, conversation = opened(small.tokenizer, CALL, "Done.<|im_end|>")
    messages = [Message(role="user", content="Add one.")]
    said(conversation, messages)
    messages += [Message(role="assistant", content="No."), Message(role="user", content="Now?")]
    said(conversation, messages, [TOOL, LATER])
    assert small.tokenizer.decode(engine.prompts[1]) == QWEN3.open(messages, [TOOL, LATER])
    assert engine.sessions[0] != engine.sessions[1]
    assert engine.sessions[0] in engine.released


def test_a_turn_that_ran_out_of_tokens_is_cut_off_and_not_readable(small):
    _, conversation = opened(small.tokenizer, CALL.removesuffix("<|im_end|>"))
    reply = said(conversation, [Message(role="user", content="Add one.")])
    assert reply.cut_off
    assert not reply.readable


def test_a_conversation_that_outgrows_the_context_is_told_apart_from_failures(small):
    engine, conversation = opened(small.tokenizer)

    async def overflows(*_, **__):
        raise ContextOverflow("a prompt of 9 tokens does not fit")

    engine.generate = overflows
    with pytest.raises(OutOfContext, match="9 tokens"):
        said(conversation, [Message(role="user", content="Add one.")])
    conversation.close()
    assert engine.released
