"""What a generation engine promises: token ids in, token ids out, with log-probs and the weights' version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np


class GenerationError(ValueError):
    """A request that an engine cannot meet."""


class ContextOverflow(GenerationError):
    """The prompt alone does not fit the engine's context."""


class BadSampling(GenerationError):
    """A field of `Sampling` has no meaning, or names a token that the model has not."""


class GrammarFailed(GenerationError):
    """A request's grammar allows no token, or failed otherwise."""


class WeightsMismatch(ValueError):
    """Weights that are not of this model."""


MOST_TOP_LOGPROBS = 20  # OpenAI's bound


@dataclass(frozen=True)
class Sampling:
    """How a completion is drawn. `temperature` 0 is greedy.

    The seed is the request's own: the result does not depend on what else is in the batch.
    Log-probs are of the distribution of logits / temperature (of the raw logits when greedy), before truncation.
    """

    max_tokens: int
    stop_ids: tuple[int, ...]
    temperature: float = 1.0
    seed: int = 0
    top_p: float = 1.0  # only the likeliest tokens that together have this probability
    top_k: int = 0  # only so many of the likeliest tokens; 0: all. It goes before `top_p`.
    deadline_s: float | None = None  # seconds from the request on, after which it ends with what it has
    # so many of the likeliest tokens are told at each place, `MOST_TOP_LOGPROBS` at most
    top_logprobs: int = 0


# (token, log-prob) of the likeliest tokens at one place, the likeliest first.
Likeliest = list[tuple[int, float]]

# A stop id; `max_tokens` or the end of the context; the caller's wish; the request's deadline.
Reason = Literal["stop", "length", "abort", "deadline"]


@dataclass(frozen=True)
class Completion:
    """`token_ids` end with the stop id if the model sampled one; `finished` says so."""

    token_ids: list[int]
    logprobs: list[float]
    reason: Reason
    weight_versions: list[int]  # of the weights that sampled each token
    # at each token's place; none where none were asked
    top_logprobs: list[Likeliest] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.reason == "stop"


class Grammar(Protocol):
    """What a request's next token may be. Used by one request, from one thread at a time."""

    def allowed(self) -> np.ndarray:
        """A bit for each token of the vocabulary, the lowest bit of each uint32 first."""
        ...

    def accept(self, token_id: int) -> None:
        """The token was drawn."""
        ...


class GenerationEngine(Protocol):
    """Implementations: the in-process JAX engine; SGLang over HTTP."""

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, *, session: str = ""
    ) -> Completion:
        """Continues `token_ids`.

        Args:
            session: names an episode. The engine may keep its cache between turns; each prompt of a session
                starts with the previous prompt and completion, exactly.

        Raises:
            ContextOverflow: the prompt leaves no room for a token.
        """
        ...

    def release(self, session: str) -> None:
        """Forgets the cache of a session."""
        ...


class WeightSync(Protocol):
    """After `push` returns, the engine samples from these weights and says so by `version`."""

    def push(self, weights: Any, version: int) -> None: ...
