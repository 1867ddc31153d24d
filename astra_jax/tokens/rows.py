"""A recorded trajectory as one SFT row: the same ids that a rollout of the same turns would have produced."""

from __future__ import annotations

from dataclasses import dataclass

from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from data_synthesis.records import Trajectory


@dataclass(frozen=True)
class TokenRow:
    """Ids and, for each, 1 where the loss counts it."""

    ids: list[int]
    loss_mask: list[int]


def tokenise(trajectory: Trajectory, tokenizer: Tokenizer, format: ChatFormat) -> TokenRow:
    """The ids and loss mask of a trajectory.

    Context and trainable text are tokenised apart, as in a rollout (`TokenBuffer`), because a token across the
    border could never be sampled. Context after the last trainable id teaches nothing and is left out.
    """
    ids: list[int] = []
    loss_mask: list[int] = []
    end = 0
    for span in format.render(trajectory.messages, trajectory.tools):
        ids += tokenizer.encode_chat(span.text) if ids else tokenizer.encode_prompt(span.text)
        loss_mask += [int(span.trainable)] * (len(ids) - len(loss_mask))
        end = len(ids) if span.trainable else end
    return TokenRow(ids[:end], loss_mask[:end])
