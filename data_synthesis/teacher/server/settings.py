"""Where a language model is served, how it is asked, and what it may cost."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

AnswerFormat = Literal["json_schema", "json_object", "text"]

_LEAST: Mapping[str, int] = {
    "max_tokens": 1,
    "attempts": 1,
    "concurrency": 1,
    "temperature": 0,
    "patience": 0,
    "input_price": 0,
    "output_price": 0,
    "budget": 0,
}
_MORE_THAN_0 = ("deadline_s", "backoff_s")


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
        attempts: answers to one question, each with what was wrong with those before it, until one is of the response
            model. Whoever asks may refuse that one by a rule and ask again (`Budget.answers` counts these), which takes
            up to `attempts` answers again: the two numbers multiply.
        deadline_s: wall clock of one request.
        patience: how often a request that the server did not serve (429, 5xx, no connection, deadline) is sent again.
        backoff_s: seconds before the first such repetition; doubles with each, unless the server says how long.
        concurrency: requests in flight per server at the start.
        most_concurrency: bound of what that may grow to.
        input_price, output_price: money for a million tokens.
        budget: money that all runs with one ledger may spend; 0 is no bound. What is in flight when it is reached is
            waited for, paid and kept, so up to `most_concurrency` answers a server come on top.
        extra_body: more fields of the request, such as `{"chat_template_kwargs": {"enable_thinking": False}}`.

    Raises:
        ValueError: nothing could be asked so; names the field and its value, but never the key.
    """

    model: str
    base_urls: tuple[str, ...] = ("http://127.0.0.1:30000/v1",)
    api_key_env: str = "OPENAI_API_KEY"
    answer: AnswerFormat = "json_schema"
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

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            self._check(name, self._number(name) >= least, f"{least} or more")
        for name in _MORE_THAN_0:
            self._check(name, self._number(name) > 0, "more than 0")
        most = self._number("most_concurrency")
        self._check(
            "most_concurrency", most >= self.concurrency, f"at least concurrency, which is {self.concurrency}"
        )
        self._check("answer", self.answer in get_args(AnswerFormat), f"one of {get_args(AnswerFormat)}")
        several = isinstance(self.base_urls, tuple | list) and len(self.base_urls) > 0
        good = several and all(map(_is_address, self.base_urls))
        self._check("base_urls", good, "one or more addresses that begin with http:// or https://")
        self.api_key()

    def api_key(self) -> str:
        """The key, or a word in its place where there is none.

        Raises:
            ValueError: no HTTP header can hold it.
        """
        key = os.environ.get(self.api_key_env) or "none"
        if not (key.isascii() and key.isprintable()):
            raise ValueError(
                f"api_key_env: the key in {self.api_key_env} has a line break or another character that no key has"
            )
        return key

    def _number(self, name: str) -> float:
        """NaN, which is neither more nor less than any bound, for what is no finite number."""
        value = getattr(self, name)
        return value if isinstance(value, int | float) and math.isfinite(value) else math.nan

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {expected}, not {getattr(self, name)!r}")


def _is_address(url: object) -> bool:
    try:
        parts = urlsplit(str(url))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or a bracket too few
        return False
