"""From what a server sent to an answer that validates, or to the one sentence that says why it does not."""

from __future__ import annotations

import math
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data_synthesis.teacher.server.chat import Completion

Reply = TypeVar("Reply", bound=BaseModel)

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_MOST_ERRORS = 5  # told to the model at once


class Refused(Exception):
    """An answer that cannot be used; the message is written for the model that gave it."""


def answer_text(completion: Completion, max_tokens: int) -> str:
    """The answer without its thinking (`<think>...</think>`, or a field of its own) and without a code fence.

    Raises:
        Refused: it was cut off, or there is none.
    """
    if not completion.choices:
        raise Refused("there was no answer")
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise Refused(f"the answer was cut off after {max_tokens} tokens; answer more briefly")
    content = choice.message.content or ""
    text = content.rpartition("</think>")[2]
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    if not text.strip():
        raise Refused("the answer was empty")
    return text.strip()


def validated(text: str, model: type[Reply]) -> Reply:
    """
    Raises:
        Refused: names the fields that are wrong, or says that a number is not finite.
    """
    try:
        reply = model.model_validate_json(text)
    except ValidationError as error:
        raise Refused("; ".join(_in_words(e) for e in error.errors()[:_MOST_ERRORS])) from None
    if not _finite(reply.model_dump()):
        raise Refused("a number is not finite")
    return reply


def _finite(value: Any) -> bool:
    """Every JSON grammar lets `1e999` through, which is infinity here, and null where it is kept."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _in_words(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    return f"`{field}`: {error['msg']}" if field else str(error["msg"])
