"""Rewards of episodes as named components, weighed by a configuration."""

from astra_jax.rl.rewards.components import total
from astra_jax.rl.rewards.function import NoScore, RewardFunction
from astra_jax.rl.rewards.scorer import RewardFailed, Rewards, make_rewards

__all__ = ["NoScore", "RewardFailed", "RewardFunction", "Rewards", "make_rewards", "total"]
