"""The append-only token record of one episode: what is trained on is what was sampled, id for id."""

from __future__ import annotations

from collections.abc import Sequence

from astra_jax.tokens.templates import ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from data_synthesis.records import Message, ToolSpec


class TokenBuffer:
    """Ids, loss mask and log-probs of an episode, in the order they came to be.

    Use: `start`, then `sampled` and `observe` by turns. Each next prompt (`ids`) begins with the previous prompt and
    completion, exactly: new messages are tokenised alone, sampled ids are never decoded and rendered again.
    The mask is 1 on sampled ids only, the sampled end-of-turn token among them.

    Raises:
        ValueError: the format drops earlier reasoning, which no append-only record can follow.
    """

    def __init__(self, tokenizer: Tokenizer, format: ChatFormat):
        if format.thinking != "keep":
            raise ValueError(
                f"format {format.name!r} has thinking={format.thinking!r}; an episode needs thinking='keep', "
                "because its tokens are only ever appended"
            )
        self._tokenizer, self._format = tokenizer, format
        self._end_of_turn = tokenizer.id(format.end_of_turn)
        self._ids: list[int] = []
        self._loss_mask: list[int] = []
        self._logprobs: list[float] = []
        self._expects_sample = False
        self.prompt_length = 0

    @property
    def ids(self) -> list[int]:
        return list(self._ids)

    @property
    def loss_mask(self) -> list[int]:
        """1 where the id was sampled."""
        return list(self._loss_mask)

    @property
    def logprobs(self) -> list[float]:
        """The sampler's log-probability of each sampled id, 0.0 elsewhere."""
        return list(self._logprobs)

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The ids at which sampling a turn stops: the format's end of turn, and the tokenizer's end of text."""
        eos_id = self._tokenizer.eos_id
        return tuple(sorted({self._end_of_turn} | ({eos_id} if eos_id is not None else set())))

    def __len__(self) -> int:
        return len(self._ids)

    def start(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> None:
        """Begins the episode with its prompt, generation prompt included."""
        if self._ids:
            raise ValueError("the episode has started already; use a new TokenBuffer for a new one")
        self._append_context(self._tokenizer.encode_prompt(self._format.open(messages, tools)))
        self.prompt_length = len(self._ids)
        self._expects_sample = True

    def sampled(self, ids: Sequence[int], logprobs: Sequence[float]) -> None:
        """Appends one sampled turn.

        Args:
            ids: the completion, ending with the stop id if one was sampled.
            logprobs: one for each id.
        """
        if not self._expects_sample:
            raise ValueError("a turn was sampled already; observe something before the next one")
        if len(ids) != len(logprobs):
            raise ValueError(f"{len(ids)} sampled ids came with {len(logprobs)} log-probs")
        self._ids += ids
        self._loss_mask += [1] * len(ids)
        self._logprobs += logprobs
        self._expects_sample = False

    def observe(self, messages: Sequence[Message]) -> None:
        """Appends what the agent is shown next, and the generation prompt.

        A turn that was cut off before its end-of-turn token gets that token here, as context.
        """
        if self._expects_sample or not self._ids:
            raise ValueError("nothing was sampled since the last observation")
        if self._ids[-1] != self._end_of_turn:
            self._append_context([self._end_of_turn])
        self._append_context(self._tokenizer.encode_chat(self._format.observe(messages)))
        self._expects_sample = True

    def _append_context(self, ids: Sequence[int]) -> None:
        self._ids += ids
        self._loss_mask += [0] * len(ids)
        self._logprobs += [0.0] * len(ids)
