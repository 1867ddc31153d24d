from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from ml_collections import ConfigDict

from astra_jax import configuration
from astra_jax.models import ModelConfig, Transformer
from data_synthesis.arenas import f1
from data_synthesis.records import Arena, ArenaTool, Episode, GoldCall, RewardParts, ToolSpec, VersionSpan

ROOT = Path(__file__).parents[3]
VOCABULARY = 61
TINY = ModelConfig(
    family="qwen3",
    vocab_size=VOCABULARY,
    hidden_size=16,
    ffn_size=32,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=4,
    qk_norm=True,
    init_std=0.3,
)
# Rewards that an arena of three gold calls can give, by how many were solved in how many calls.
REWARDS = {f1(3, solved, calls).f1: (solved, calls) for solved in range(4) for calls in range(solved, 6)}


def make_reward(value: float) -> RewardParts:
    return f1(3, *REWARDS[value])


def make_episode(
    reward: float | None, *, sample: int = 0, prompt: Sequence[int] = (5, 6, 7), seed: int = 0
) -> Episode:
    """An episode of one to three turns: sampled tokens with log-probs, and observations between them."""
    rng = np.random.default_rng([seed, sample])
    ids, mask = list(prompt), [0] * len(prompt)
    turns, versions = int(rng.integers(1, 4)), []
    for turn in range(turns):
        for is_sampled in (1, 0)[: 1 if turn == turns - 1 else 2]:
            size = int(rng.integers(1, 6))
            ids += rng.integers(0, VOCABULARY, size).tolist()
            versions += [[VersionSpan(0, size)]] * is_sampled
            mask += [is_sampled] * size
    return Episode(
        arena_id="arena",
        sample=sample,
        seed=seed,
        token_ids=ids,
        loss_mask=mask,
        logprobs=[float(np.float32(rng.normal(-3, 1))) * m for m in mask],
        weight_versions=versions,
        prompt_length=len(prompt),
        reward=None if reward is None else make_reward(reward),
        stop_reason="infrastructure" if reward is None else "finished",
    )


def make_group(rewards: Sequence[float | None], *, seed: int = 0, prompt_length: int = 3) -> list[Episode]:
    prompt = np.random.default_rng(seed).integers(0, VOCABULARY, prompt_length).tolist()
    return [make_episode(r, sample=i, prompt=prompt, seed=seed) for i, r in enumerate(rewards)]


@pytest.fixture(scope="session")
def group() -> Callable[..., list[Episode]]:
    """Builds the episodes of one prompt from their rewards (None: unknown)."""
    return make_group


@pytest.fixture(scope="session")
def settings() -> Callable[..., ConfigDict]:
    """A configuration of RL: the base, with overrides such as `algorithm=gspo`."""
    return lambda *overrides: configuration.load(ROOT / "configs" / "rl" / "base.py", overrides)


@pytest.fixture(scope="session")
def arena() -> Callable[[int], Arena]:
    """Builds unproved arenas that differ in their question."""

    def build(number: int) -> Arena:
        tool = ArenaTool(spec=ToolSpec(name="ask"), source="def ask(): return 7")
        return Arena(
            question=f"What is {number}?", tools=[tool], gold_calls=[GoldCall(id=1, tool="ask", expected=7)]
        )

    return build


@pytest.fixture(scope="session")
def tiny_model() -> Transformer:
    return Transformer(TINY, rngs=nnx.Rngs(0))
