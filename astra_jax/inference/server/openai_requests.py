"""What OpenAI's clients send, as far as it is met. Fields that would change the answer and are not met are refused."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from astra_jax.inference.interface import MOST_TOP_LOGPROBS
from astra_jax.inference.server.errors import Refused
from astra_jax.inference.server.validation import Stops
from astra_jax.tokens import ChatFormat
from data_synthesis.records import Message, ToolCall, ToolSpec


class _Sent(BaseModel):
    model_config = ConfigDict(extra="ignore")


class StreamOptions(_Sent):
    include_usage: bool = False


# Further fields that change no answer: what a client says to OpenAI of itself, and of keeping and paying.
_HARMLESS = {
    "metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier",
    "store", "user",
}  # fmt: skip
# And values of fields of other servers that change none.
_NEUTRAL = {
    "frequency_penalty": 0,
    "ignore_eos": False,
    "min_p": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
}


class Common(_Sent):
    model_config = ConfigDict(extra="allow")  # to be refused by name

    model: str
    n: int = Field(1, ge=1, le=128)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: Stops = []
    logit_bias: dict[str, float] | None = None

    @property
    def likeliest(self) -> int:
        """How many of the likeliest tokens are told at each place."""
        return 0

    @field_validator("temperature", "top_p", "n", "stream_options", "stream", "top_k", mode="before")
    @classmethod
    def _null_is_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value

    def refuse_unmet(self) -> None:
        if self.logit_bias:
            raise Refused(400, "logit_bias is not supported")
        for name, value in (self.model_extra or {}).items():
            if not (value is None or name in _HARMLESS or (name in _NEUTRAL and value == _NEUTRAL[name])):
                raise Refused(400, f"{name} is not supported")


def _check_count(field: str, count: int | None) -> None:
    if count is not None and not 0 <= count <= MOST_TOP_LOGPROBS:
        raise Refused(400, f"{field} is {count}: it is from 0 to {MOST_TOP_LOGPROBS}")


class CompletionRequest(Common):
    prompt: str | list[int] | list[str] | list[list[int]]
    max_tokens: int | None = 16
    logprobs: int | None = None
    echo: bool = False
    best_of: int | None = None
    suffix: str | None = None

    @field_validator("prompt")
    @classmethod
    def _some(cls, prompt: Any) -> Any:
        if prompt == []:
            raise ValueError("there is none")
        return prompt

    def prompts(self) -> list[str] | list[list[int]]:
        prompt: Any = self.prompt
        return [prompt] if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)) else prompt

    @property
    def likeliest(self) -> int:
        return self.logprobs or 0

    def refuse_unmet(self) -> None:
        super().refuse_unmet()
        _check_count("logprobs", self.logprobs)
        for name in ("echo", "suffix"):
            if getattr(self, name):
                raise Refused(400, f"{name} is not supported")
        if (self.best_of or 1) > self.n:
            raise Refused(
                400, f"best_of is {self.best_of} and n {self.n}: choosing among more is not supported"
            )


class Function(_Sent):
    name: str = Field(min_length=1)
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    arguments: str | dict[str, JsonValue] | None = None


class Tool(_Sent):
    type: Literal["function"] = "function"
    function: Function

    def spec(self) -> ToolSpec:
        given = {"description": self.function.description, "parameters": self.function.parameters}
        return ToolSpec.model_validate(
            {"name": self.function.name} | {name: value for name, value in given.items() if value is not None}
        )


class SentCall(_Sent):
    id: str = ""
    function: Function

    def call(self) -> ToolCall:
        arguments = self.function.arguments or {}
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError:
                arguments = None
        if not isinstance(arguments, dict):
            raise Refused(400, f"the arguments of the call of {self.function.name!r} are not a JSON object")
        return ToolCall(id=self.id, name=self.function.name, arguments=arguments)


class Part(_Sent):
    type: Literal["text"]
    text: str


class SentMessage(_Sent):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    tool_calls: list[SentCall] | None = None
    tool_call_id: str | None = None

    def message(self) -> Message:
        text = self.content or ""
        return Message(
            role="system" if self.role == "developer" else self.role,
            content=text if isinstance(text, str) else "".join(part.text for part in text),
            reasoning_content=self.reasoning_content,
            tool_calls=[call.call() for call in self.tool_calls or ()],
            tool_call_id=self.tool_call_id,
        )


class JsonSchema(_Sent):
    name: str = ""
    schema_: JsonValue = Field(alias="schema")


class ResponseFormat(_Sent):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class NamedFunction(_Sent):
    name: str


class NamedTool(_Sent):
    type: Literal["function"] = "function"
    function: NamedFunction


class ChatRequest(Common):
    messages: list[SentMessage] = Field(min_length=1)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool = "auto"
    parallel_tool_calls: bool = True
    response_format: ResponseFormat | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    chat_template_kwargs: dict[str, JsonValue] | None = None

    @field_validator("tool_choice", "parallel_tool_calls", "logprobs", mode="before")
    @classmethod
    def _null_too(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value

    @property
    def likeliest(self) -> int:
        return self.top_logprobs or 0

    def refuse_unmet(self) -> None:
        super().refuse_unmet()
        _check_count("top_logprobs", self.top_logprobs)
        if self.top_logprobs is not None and not self.logprobs:
            raise Refused(400, "top_logprobs is given, and logprobs is not true")

    def refuse_other_template(self, format: ChatFormat) -> None:
        for name, value in (self.chat_template_kwargs or {}).items():
            if name != "enable_thinking" or value is not format.enable_thinking:
                raise Refused(400, f"chat_template_kwargs: {name} {value!r} is not supported")

    @property
    def most_tokens(self) -> int | None:
        """None: as many as there is room for."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    def shown_tools(self) -> list[ToolSpec]:
        """Those that the model is told of."""
        return [] if self.tool_choice == "none" else [tool.spec() for tool in self.tools or ()]

    def forced_tools(self) -> list[ToolSpec]:
        """Those of which it must call one; none: it may do as it likes.

        Raises:
            Refused: there is none of that name, or none at all.
        """
        if isinstance(self.tool_choice, str) and self.tool_choice != "required":
            return []
        tools = [tool.spec() for tool in self.tools or ()]
        if isinstance(self.tool_choice, NamedTool):
            name = self.tool_choice.function.name
            tools = [tool for tool in tools if tool.name == name]
            if not tools:
                raise Refused(400, f"tool_choice names {name!r}, which is not among the tools")
        if not tools:
            raise Refused(400, 'tool_choice is "required", and there are no tools')
        return tools
