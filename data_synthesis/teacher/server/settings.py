"""Where a language model is served, how it is asked, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class ServerSettings:
    """A teacher behind an OpenAI-compatible server, such as SGLang.

    Args:
        model: as the server names it.
        base_urls: one for each server, or one router's; each ends in `/v1`.
        api_key_env: environment variable that holds the key. SGLang needs none unless started with one.
        answer: `json_schema` constrains decoding to the response model's schema; `json_object` only to JSON; `text`
            to nothing. Whatever the server promises, every answer is validated here.
        temperature, max_tokens: of one answer, its thinking included.
        attempts: answers to one question, each with what was wrong with those before it.
        deadline_s: wall clock of one request.
        patience: how often a request that the server did not serve (429, 5xx, no connection, deadline) is sent again.
        backoff_s: seconds before the first such repetition; doubles with each, unless the server says how long.
        concurrency: requests in flight per server at the start.
        most_concurrency: bound of what that may grow to.
        input_price, output_price: money for a million tokens.
        budget: money that all runs with one ledger may spend; 0 is no bound.
        extra_body: more fields of the request, such as `{"chat_template_kwargs": {"enable_thinking": False}}`.
    """

    model: str
    base_urls: tuple[str, ...] = ("http://127.0.0.1:30000/v1",)
    api_key_env: str = "OPENAI_API_KEY"
    answer: Literal["json_schema", "json_object", "text"] = "json_schema"
    temperature: float = 0.6
    max_tokens: int = 8192
    attempts: int = 3
    deadline_s: float = 600.0
    patience: int = 5
    backoff_s: float = 1.0
    concurrency: int = 16
    most_concurrency: int = 256
    input_price: float = 0.0
    output_price: float = 0.0
    budget: float = 0.0
    extra_body: Mapping[str, Any] = field(default_factory=dict)
