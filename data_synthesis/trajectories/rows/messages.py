"""Rows of `messages` and `tools` in OpenAI's form, as TRL and ms-swift take them, written and read.

What their loaders do (TRL 1.16, ms-swift 4.6, `datasets` 5.2) decides the form:

* `tools` is JSON text. Both accept a list or a text; as a list, a table gives every schema the fields of all others,
  as nulls, and a model would be trained to read them.
* `arguments` is an object. TRL hands messages to the chat template as they are. Templates that print JSON take either,
  but some go through the fields and fail on a text (Gemma, Qwen3-Coder, GLM), so TRL documents an object. ms-swift
  decodes a text and takes an object. `datasets` from 4.7 on keeps messages of a JSONL file as they are, as `Json`;
  older ones fill arguments with nulls.
* `reasoning_content` stands apart. Qwen3's and other thinking models' templates put it into their own tags under TRL.
  ms-swift does not read it.

Read besides: the roles `tool_call` and `tool_response` of ms-swift, and how much an assistant's message counts in
training, which is `weight` (a number, as OpenAI has it) or `loss` (true or false, as ms-swift has it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Message, ToolCall, ToolSpec, Trajectory, first_problem
from data_synthesis.trajectories.rows.json_texts import packed, unpacked
from data_synthesis.trajectories.rows.pairing import Said, paired
from data_synthesis.trajectories.rows.swift import in_openai_form


def to_chat(trajectory: Trajectory) -> dict[str, Any]:
    """The row `{messages, tools}`. Fields that OpenAI's form does not have are left out: templates would print them."""
    return {
        "messages": [_weighed(message) for message in trajectory.messages],
        "tools": packed([tool.openai() for tool in trajectory.tools]),
    }


def _weighed(message: Message) -> dict[str, Any]:
    weight = (message.model_extra or {}).get("weight")
    return message.openai() | ({} if weight is None else {"weight": weight})


def from_chat(row: Mapping[str, Any]) -> Trajectory:
    """The trajectory of a row. Fields beside `messages` and `tools` are not read.

    Arguments may be an object or JSON text, tools a list or JSON text with or without their wrapper, content a text,
    null or a list of texts; ids may be missing.

    Raises:
        Rejected: `bad_message`, `bad_arguments`, `bad_tools`, `result_without_call`, `call_without_result`.
    """
    tools = tools_of(row.get("tools") or [])
    messages = unpacked(row.get("messages"), list, "bad_message", "`messages`")
    read = [unpacked(message, dict, "bad_message", "a message") for message in messages]
    said = [_said(message) for message in in_openai_form(read)]
    return Trajectory(messages=paired(said), tools=tools)


def tools_of(value: Any) -> list[ToolSpec]:
    """
    Raises:
        Rejected: `bad_tools`.
    """
    tools = unpacked(value, list, "bad_tools", "`tools`")
    return [_tool(unpacked(tool, dict, "bad_tools", "a tool")) for tool in tools]


def text_of(content: Any) -> str:
    """A message's text, whose parts some keep apart.

    Raises:
        Rejected: `bad_message`: there is more than text.
    """
    parts = [content] if isinstance(content, str | None) else content
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    if not all(isinstance(text, str | None) for text in texts):
        raise Rejected("bad_message", f"content must be text, not {str(content)[:80]!r}")
    return "".join(text or "" for text in texts)


class _Function(BaseModel):
    name: str
    arguments: Any = None


class _Call(BaseModel):
    id: str | None = None
    function: _Function


class _ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    weight: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    loss: bool | None = None


def _said(value: dict[str, Any]) -> Said:
    try:
        message = _ChatMessage.model_validate(_wrapped(value))
    except ValidationError as error:
        raise Rejected("bad_message", complaint(error)) from error
    read = Message(
        role="system" if message.role == "developer" else message.role,
        content=text_of(message.content),
        reasoning_content=message.reasoning_content,
        tool_calls=[
            call_of(call.function.name, call.function.arguments, call.id) for call in message.tool_calls or []
        ],
        tool_call_id=message.tool_call_id,
        **_weight(message),
    )
    return Said(read, message.name or "")


def _weight(message: _ChatMessage) -> dict[str, Any]:
    """`weight`, where the row says how much the turn counts."""
    weight = 0.0 if message.loss is False else message.weight
    return {} if weight is None else {"weight": weight}


def call_of(name: str, arguments: Any, id: str | None = None) -> ToolCall:
    """
    Raises:
        Rejected: `bad_arguments`: they are neither an object nor JSON text of one.
    """
    found = unpacked(
        {} if arguments is None else arguments, dict, "bad_arguments", f"what {name} is called with"
    )
    return ToolCall(id=id or "", name=name, arguments=found)


def complaint(error: ValidationError) -> str:
    """What is wrong, and where."""
    field, problem = first_problem(error)
    return f"{field}: {problem}"


def _wrapped(message: dict[str, Any]) -> dict[str, Any]:
    """With calls under `function`, where they stand without."""
    calls = message.get("tool_calls")
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        return message
    bare = [
        call if not isinstance(call, dict) or "function" in call else {"function": call, **call}
        for call in calls
    ]
    return {**message, "tool_calls": bare}


def _tool(tool: dict[str, Any]) -> ToolSpec:
    function = tool.get("function", tool)
    try:
        return ToolSpec.model_validate({name: value for name, value in _known(function) if value is not None})
    except ValidationError as error:
        raise Rejected("bad_tools", complaint(error)) from error


def _known(function: Any) -> list[tuple[str, Any]]:
    known = unpacked(function, dict, "bad_tools", "a tool")
    return [(name, known.get(name)) for name in ("name", "description", "parameters")]
