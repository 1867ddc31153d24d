"""A chat turn as OpenAI's clients read it: reasoning, content and tool calls, whole or as it comes."""

from __future__ import annotations

import json
import uuid
from typing import Any

from astra_jax.inference.server.text import partial_tail
from astra_jax.tokens import ParsedTurn, parse

_MARKS = ("<tool_call>", "<think>", "</think>")


class ChatTurn:
    """Takes a turn's text apart, piece by piece."""

    def __init__(self, tools: bool, several: bool):
        """
        Args:
            tools: whether calls are looked for; without tools, what looks like one is content.
            several: whether more than the first call is kept.
        """
        self._tools, self._several = tools, several
        self._text = ""
        self._shown = {"reasoning_content": "", "content": ""}

    def add(self, text: str) -> dict[str, str]:
        """What became certain of reasoning and content."""
        self._text += text
        certain = self._text
        call = certain.find("<tool_call>")
        if self._tools and call >= 0:
            certain = certain[:call]
        certain = certain[: len(certain) - max(partial_tail(certain, mark) for mark in _MARKS)]
        return self._new(parse(certain, turn=0)) if self._tools or "<tool_call>" not in certain else {}

    def close(self) -> dict[str, Any]:
        """The rest, with the calls."""
        content, reasoning, calls = self.parts()
        rest: dict[str, Any] = self._rest(content, reasoning)
        if calls:
            rest["tool_calls"] = [{"index": i} | call for i, call in enumerate(calls)]
        return rest

    def message(self) -> dict[str, Any]:
        """The whole turn."""
        content, reasoning, calls = self.parts()
        message: dict[str, Any] = {"role": "assistant", "content": content if content or not calls else None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = calls
        return message

    def parts(self) -> tuple[str, str, list[dict]]:
        """Content, reasoning and calls. A turn of which a call cannot be read is content, calls and all."""
        turn = parse(self._text, turn=0)
        if turn.calls and not (self._tools and all(call.arguments is not None for call in turn.calls)):
            content = self._text.partition("</think>")[2] if turn.reasoning else self._text
            return content.strip(), turn.reasoning or "", []
        calls = turn.calls if self._several else turn.calls[:1]
        return turn.content, turn.reasoning or "", [_call(call.name, call.arguments) for call in calls]

    def take(self, text: str) -> ChatTurn:
        """With all of the text at once."""
        self._text = text
        return self

    def _new(self, turn: ParsedTurn) -> dict[str, str]:
        return self._rest(turn.content, turn.reasoning or "")

    def _rest(self, content: str, reasoning: str) -> dict[str, str]:
        rest = {}
        for name, text in (("reasoning_content", reasoning), ("content", content)):
            if text.startswith(self._shown[name]) and text != self._shown[name]:
                rest[name] = text[len(self._shown[name]) :]
                self._shown[name] = text
        return rest


def _call(name: str, arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}
