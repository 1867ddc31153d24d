"""Groups of episodes as one packed batch, each group's prompt in it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from astra_jax.rl.algorithms import GroupSignal
from astra_jax.training.batch import PackedBatch
from astra_jax.training.packing import Block, Sample, pack, share_prompt, single
from data_synthesis.records import Episode


def to_batch(
    groups: Sequence[Sequence[Episode]],
    signals: Sequence[GroupSignal],
    length: int,
    rows_multiple: int,
    share_prompts: bool = True,
) -> PackedBatch:
    """The batch of one update. Loss weights are already divided by the batch's global denominator.

    Episodes without any weight are left out.

    Args:
        groups: episodes of each group, all of one prompt.
        signals: what each group teaches, in the same order.
        length: tokens of a row, at least the engine's context: an episode that does not fit a row is an error.
        rows_multiple: as `multiple` of `pack`.
        share_prompts: whether a group's prompt is in a row once for all its episodes, else with each of them.
    """
    denominator = sum(sum(signal.denominators) for signal in signals)
    blocks: list[Block] = []
    for episodes, signal in zip(groups, signals, strict=True):
        samples = [
            as_sample(episode, advantages, weights / denominator)
            for episode, advantages, weights in zip(episodes, signal.advantages, signal.weights, strict=True)
            if weights.any()
        ]
        if share_prompts:
            blocks += share_prompt(samples, episodes[0].prompt_length, length)
        else:
            blocks += map(single, samples)
    batch = pack(blocks, length, rows_multiple)
    return batch if share_prompts else replace(batch, parent_ids=None)


def as_sample(episode: Episode, advantages: np.ndarray, weights: np.ndarray) -> Sample:
    """The episode up to its last sampled token: what a tool said last was never answered, and can be very long."""
    end = int(np.flatnonzero(episode.loss_mask)[-1]) + 1
    return Sample(
        tokens=np.asarray(episode.token_ids[:end], np.int32),
        loss_weights=weights[:end].astype(np.float32),
        advantages=advantages[:end],
        sampler_logprobs=np.asarray(episode.logprobs[:end], np.float32),
    )
