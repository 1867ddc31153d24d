"""What `/generate` answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from astra_jax.inference.interface import Likeliest
from astra_jax.inference.sglang.errors import NoAnswer
from data_synthesis.records import first_problem


@dataclass(frozen=True)
class Reply:
    """Tokens with their log-probs, and the name of the weights that drew each; None where the server names none."""

    token_ids: list[int]
    logprobs: list[float]
    weights: list[str | None]
    ended: Literal["stop", "length", "abort"]
    top_logprobs: list[Likeliest]


class _Span(BaseModel):
    version: str
    start: int
    end: int


class _Finish(BaseModel):
    type: Literal["stop", "length", "abort"]


class _Meta(BaseModel):
    finish_reason: _Finish
    output_token_logprobs: list[tuple[float, int, Any]] = []
    output_top_logprobs: list[list[tuple[float, int, Any]]] = []
    weight_version: str | None = None  # of the last token
    weight_versions: list[_Span] = []  # where they changed on the way; SGLang of 0.5.23 and later


class _Answer(BaseModel):
    meta_info: _Meta


def read_reply(url: str, text: str) -> Reply:
    """
    Raises:
        NoAnswer: it is no completion with log-probs.
    """
    try:
        meta = _Answer.model_validate_json(text).meta_info
    except ValidationError as error:
        where, problem = first_problem(error)
        raise NoAnswer(f"{url} sent no completion ({where}: {problem})") from None
    drawn = meta.output_token_logprobs
    if not drawn and meta.finish_reason.type != "abort":
        raise NoAnswer(f"{url} sent a completion without log-probs")
    weights: list[str | None] = [meta.weight_version] * len(drawn)
    for span in meta.weight_versions:
        weights[span.start : span.end] = [span.version] * len(weights[span.start : span.end])
    return Reply(
        [token for _, token, _ in drawn],
        [logprob for logprob, _, _ in drawn],
        weights,
        meta.finish_reason.type,
        [[(token, logprob) for logprob, token, _ in place] for place in meta.output_top_logprobs],
    )
