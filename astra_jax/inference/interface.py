"""What a generation engine promises: token ids in, token ids out, with log-probs and the weights' version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class ContextOverflow(ValueError):
    """The prompt alone does not fit the engine's context."""


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


@dataclass(frozen=True)
class Completion:
    """`token_ids` end with the stop id if the model sampled one; `finished` says so."""

    token_ids: list[int]
    logprobs: list[float]
    finished: bool
    weight_version: int


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
