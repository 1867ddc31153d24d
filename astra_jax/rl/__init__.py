"""Online multi-turn policy-gradient RL over arenas."""

from astra_jax.rl.train import train

__all__ = ["train"]
