"""Conversations as text: the Qwen3 and ChatML formats, with what is trained on marked exactly.

One renderer in Python and one Jinja template print the same text. The renderer can go on from a conversation
(`observe`), which a template cannot; the template travels with an exported checkpoint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from astra_jax.tokens.tokenizer import Tokenizer, quote
from data_synthesis.records import Message, ToolCall, ToolSpec

END_OF_TURN = "<|im_end|>"
NO_THOUGHT = "<think>\n\n</think>\n\n"

# The tool section that Qwen3 was trained with (Qwen3 technical report's released template); ChatML models had none.
TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n'
    "</tool_call>"
)


# What becomes of reasoning: `ChatFormat.thinking`, or no reasoning at all.
Thinking = Literal["keep", "drop", "off"]

# What `ChatFormat.chat_template` writes on its first lines.
_KEPT = re.compile(r"set keep_thinking = (true|false)")
_THINKS = re.compile(r"set enable_thinking = enable_thinking \| default\((true|false)\)")


class Span(NamedTuple):
    """A piece of a rendered conversation. The loss covers `trainable` pieces only, by their `weight`."""

    text: str
    trainable: bool
    weight: float = 1.0


def tool_lines(tools: Iterable[ToolSpec]) -> str:
    """Each tool as a line of JSON, led by its newline, printed as Hugging Face's `tojson` filter prints it."""
    return "".join("\n" + _json(tool.openai()) for tool in tools)


@dataclass(frozen=True)
class ChatFormat:
    """How a family of models spells conversations.

    Attributes:
        name: what configs call it.
        default_system: the system message of a conversation that brings none.
        thinking: what becomes of the reasoning of earlier turns. `keep` leaves it where it was, so that a
            conversation only ever grows; `drop` is the published Qwen3 behaviour, which removes reasoning older
            than the last user message, and cannot be rolled out append-only.
        enable_thinking: when False, each generation prompt ends with an empty thought.
    """

    name: str
    default_system: str | None = None
    thinking: Literal["keep", "drop"] = "keep"
    enable_thinking: bool = True

    @property
    def end_of_turn(self) -> str:
        """The token that closes a turn: the model samples it, and it is trained on."""
        return END_OF_TURN

    @property
    def generation_prompt(self) -> str:
        """What stands before an assistant's first sampled token."""
        return "<|im_start|>assistant\n" + ("" if self.enable_thinking else NO_THOUGHT)

    def with_thinking(self, policy: Thinking) -> ChatFormat:
        """The format under a policy of reasoning: `off` trains and asks for none, see the attributes for the others."""
        if policy == "off":
            return replace(self, thinking="keep", enable_thinking=False)
        return replace(self, thinking=policy, enable_thinking=True)

    def as_exported(self, directory: str | Path) -> ChatFormat:
        """The format with the policy of reasoning that the directory's template was written with, if it is ours."""
        path = Path(directory) / "chat_template.jinja"
        head = path.read_text(encoding="utf-8")[:4096] if path.is_file() else ""
        kept, thinks = _KEPT.search(head), _THINKS.search(head)
        if not kept or not thinks:
            return self
        return replace(
            self, thinking="keep" if kept[1] == "true" else "drop", enable_thinking=thinks[1] == "true"
        )

    def open(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> str:
        """The prompt of a conversation, up to and including the generation prompt."""
        return "".join(span.text for span in self.render(messages, tools)) + self.generation_prompt

    def observe(self, messages: Sequence[Message]) -> str:
        """What follows a sampled end-of-turn token: its newline, the new messages, the generation prompt.

        Raises:
            ValueError: one of the messages is the assistant's; only the model writes those.
        """
        if any(message.role == "assistant" for message in messages):
            raise ValueError(
                "observe() was given an assistant message; assistant turns are only ever sampled"
            )
        return "\n" + _context(messages) + self.generation_prompt

    def render(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> list[Span]:
        """The whole conversation as alternating pieces of context and of trainable text.

        Trainable is what a model would have sampled: reasoning, content, tool calls and the end-of-turn token.
        Under `thinking="drop"`, a turn whose reasoning is dropped is context: nobody sampled it in that form.
        A message's own `weight`, where it has one, is that of its turn.
        """
        if not messages:
            raise ValueError("a conversation needs at least one message")
        spans = [Span(self._head(messages[0], tools), False)]
        body = messages[1:] if messages[0].role == "system" else messages
        last_query = _last_query(body)
        for role, group in groupby(enumerate(body), key=lambda item: item[1].role):
            if role != "assistant":
                spans.append(Span(_context([message for _, message in group]), False))
                continue
            for index, message in group:
                reply = self._reply(message, index > last_query, index == len(body) - 1)
                as_sampled = self._stands_as_sampled(message, index > last_query)
                spans += self._assistant_turn(reply, trainable=as_sampled, weight=_weight(message))
        return _merge(spans)

    def chat_template(self, bos: str = "") -> str:
        """The Jinja template that prints what this format prints, for `chat_template.jinja`.

        Args:
            bos: the text of the beginning-of-sequence token, for a tokenizer that has one.
        """
        settings = {
            "bos": bos,
            "default_system": self.default_system,
            "keep_thinking": self.thinking == "keep",
            "no_thought": NO_THOUGHT,
            "tools_head": TOOLS_HEAD,
            "tools_tail": TOOLS_TAIL,
        }
        thinks = f"enable_thinking | default({_jinja(self.enable_thinking)})"
        lines = [f"{{%- set {name} = {_jinja(value)} %}}\n" for name, value in settings.items()]
        lines.append(f"{{%- set enable_thinking = {thinks} %}}\n{{{{- bos }}}}\n")
        return "".join(lines) + Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")

    def template_for(self, tokenizer: Tokenizer) -> str:
        """`chat_template` with the BOS that `tokenizer.encode_prompt` puts before this format's conversations."""
        # Whatever the messages, a conversation begins as the generation prompt does: with the start of a turn.
        return self.chat_template(tokenizer.bos_before(self.generation_prompt))

    def _head(self, first: Message, tools: Sequence[ToolSpec]) -> str:
        opening = first.content if first.role == "system" else self.default_system
        if opening is None and not tools:
            return ""
        parts = [] if opening is None else [quote(opening)]
        if tools:
            parts.append(TOOLS_HEAD + quote(tool_lines(tools)) + TOOLS_TAIL)
        return _turn("system", "\n\n".join(parts))

    def _assistant_turn(self, reply: str, *, trainable: bool, weight: float) -> list[Span]:
        prompt = self.generation_prompt
        thoughtless = prompt.removeprefix("<|im_start|>assistant\n")
        if thoughtless and not reply.startswith(thoughtless):
            prompt, thoughtless = prompt.removesuffix(thoughtless), ""
        sampled = reply.removeprefix(thoughtless) + END_OF_TURN
        return [Span(prompt, False), Span(sampled, trainable, weight), Span("\n", False)]

    def _reply(self, message: Message, after_query: bool, is_last: bool) -> str:
        if self.thinking == "drop":
            reasoning, content = _split_thought(message)
            thinks = after_query and (is_last or reasoning)
            thought = _thought(reasoning.strip("\n")) if thinks else ""
            shown = content.lstrip("\n") if thinks else content
        else:
            reasoning, content = message.reasoning_content, message.content
            thought = _thought(reasoning) if reasoning else ""
            thought, shown = thought if self.enable_thinking else NO_THOUGHT, content
        calls = [_call(call) for call in message.tool_calls]
        return thought + quote("\n".join([shown, *calls] if content else calls))

    def _stands_as_sampled(self, message: Message, after_query: bool) -> bool:
        return self.thinking == "keep" or after_query or not _split_thought(message)[0]


QWEN3 = ChatFormat("qwen3")
# SmolLM2-Instruct's template, which speaks in this name when there is no system message. It has no tools;
# here they go where Hermes and Qwen put them.
CHATML = ChatFormat(
    "chatml", default_system="You are a helpful AI assistant named SmolLM, trained by Hugging Face"
)
FORMATS = {fmt.name: fmt for fmt in (QWEN3, CHATML)}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _jinja(value: str | bool | None) -> str:
    return "none" if value is None else _json(value)


def _turn(role: str, text: str) -> str:
    return f"<|im_start|>{role}\n{text}{END_OF_TURN}\n"


def _context(messages: Sequence[Message]) -> str:
    """Turns of the user and of tools; adjacent tool results share one user turn."""
    text = ""
    for is_tool, group in groupby(messages, key=lambda message: message.role == "tool"):
        if is_tool:
            results = [f"<tool_response>\n{quote(message.content)}\n</tool_response>" for message in group]
            text += _turn("user", "\n".join(results))
        else:
            text += "".join(_turn(message.role, quote(message.content)) for message in group)
    return text


def _call(call: ToolCall) -> str:
    return f'<tool_call>\n{{"name": "{call.name}", "arguments": {_json(call.arguments)}}}\n</tool_call>'


def _thought(reasoning: str) -> str:
    return f"<think>\n{quote(reasoning)}\n</think>\n\n"


def _weight(message: Message) -> float:
    weight = (message.model_extra or {}).get("weight")
    if weight is None:
        return 1.0
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
        raise ValueError(f"the weight of a message is {weight!r}; it is a number from 0 up")
    return float(weight)


def _split_thought(message: Message) -> tuple[str, str]:
    """Reasoning and content; reasoning inside the content is found as the published template finds it."""
    if message.reasoning_content is not None or "</think>" not in message.content:
        return message.reasoning_content or "", message.content
    pieces = message.content.split("</think>")
    reasoning = pieces[0].rstrip("\n").split("<think>")[-1].lstrip("\n")
    return reasoning, pieces[-1].lstrip("\n")


def _last_query(messages: Sequence[Message]) -> int:
    """The index of the last user message that is not tool results in disguise."""
    for index in reversed(range(len(messages))):
        content = messages[index].content
        disguised = content.startswith("<tool_response>") and content.endswith("</tool_response>")
        if messages[index].role == "user" and not disguised:
            return index
    return len(messages) - 1


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Joins neighbours of a kind: pieces are tokenised one by one, so their borders are part of the format."""
    merged = []
    for trainable, group in groupby(spans, key=lambda span: span.trainable):
        pieces = list(group)  # a trainable one stands alone: its turn's scaffold is around it
        if text := "".join(span.text for span in pieces):
            merged.append(Span(text, trainable, pieces[0].weight if trainable else 1.0))
    return merged
