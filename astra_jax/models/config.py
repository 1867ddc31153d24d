"""The shape of a model: one frozen, hashable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Remat = Literal["none", "attention", "full"]


@dataclass(frozen=True)
class ModelConfig:
    """A decoder-only transformer. The letters are those that end the names of arrays:

    B batch, T time, S cache length, D model, N query heads, K key/value heads, G query heads a key/value
    head, H head size, F feed-forward, L layers, V vocabulary.
    """

    family: str
    vocab_size: int  # V
    hidden_size: int  # D
    ffn_size: int  # F
    num_layers: int  # L
    num_heads: int  # N
    num_kv_heads: int  # K
    head_dim: int  # H
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    qk_norm: bool = False
    attention_bias: bool = False
    ffn_bias: bool = False
    tie_embeddings: bool = True
    max_positions: int = 32_768  # what the checkpoint was trained for; nothing is sized by it
    init_std: float = 0.02
    param_dtype: str = "float32"
    compute_dtype: str = "float32"  # matrix products; norms, softmax, logits and RoPE are always float32
    remat: Remat = "none"

    def __post_init__(self) -> None:
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"num_heads is {self.num_heads} and num_kv_heads {self.num_kv_heads}: "
                "the first must be a multiple of the second."
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim is {self.head_dim}: rotary embeddings need an even number.")
