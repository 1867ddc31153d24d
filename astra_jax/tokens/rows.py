"""A recorded trajectory as one SFT row: the same ids that a rollout of the same turns would have produced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from data_synthesis.records import Trajectory


class Turn(NamedTuple):
    """What the assistant wrote in one turn, `ids[start:stop]`, and what its tokens are worth in the loss."""

    start: int
    stop: int
    weight: float


@dataclass(frozen=True)
class TokenRow:
    """Ids, and the turns that are trained on; all else is context."""

    ids: list[int]
    turns: list[Turn]

    @property
    def loss_mask(self) -> list[int]:
        """For each id, 1 where the assistant wrote it."""
        mask = [0] * len(self.ids)
        for start, stop, _ in self.turns:
            mask[start:stop] = [1] * (stop - start)
        return mask

    def first(self, length: int) -> TokenRow:
        """The row up to the last turn that ends within `length` ids; empty where none does."""
        turns = [turn for turn in self.turns if turn.stop <= length]
        return TokenRow(self.ids[: turns[-1].stop if turns else 0], turns)


def tokenise(trajectory: Trajectory, tokenizer: Tokenizer, format: ChatFormat) -> TokenRow:
    """The ids and turns of a trajectory.

    Context and trainable text are tokenised apart, as in a rollout (`TokenBuffer`), because a token across the
    border could never be sampled. Context after the last trainable id teaches nothing and is left out.

    Raises:
        ValueError: it has no message, or the weight of one is no number from 0 up.
    """
    ids: list[int] = []
    turns: list[Turn] = []
    for span in format.render(trajectory.messages, trajectory.tools):
        start = len(ids)
        ids += tokenizer.encode_chat(span.text) if ids else tokenizer.encode_prompt(span.text)
        if span.trainable:
            turns.append(Turn(start, len(ids), span.weight))
    return TokenRow(ids, turns).first(len(ids))
