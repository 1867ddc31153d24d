"""Supervised fine-tuning on trajectories."""

from astra_jax.sft.train import train

__all__ = ["train"]
