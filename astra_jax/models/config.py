"""The shape of a model: one frozen, hashable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

# What the backward pass computes again: nothing; all but products of matrices and attention; of products the
# feed-forward's, too; all but attention; all from each layer's input; that with the inputs in the host's memory.
Remat = Literal["none", "products", "projections", "attention", "full", "offload"]
Rope = Literal["none", "main", "local"]


class LayerKind(NamedTuple):
    """How a layer differs from the others: whether it sees only a window, and which rotary embedding it has."""

    sliding: bool
    rope: Rope


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are changed for contexts longer than those of pre-training; names as in `config.json`.

    linear: all by `factor` (arXiv 2306.15595). llama3: the low ones (Llama 3.1). yarn: the low ones by another ramp,
    and queries and keys grow by `attention_factor` (arXiv 2309.00071).
    """

    kind: Literal["linear", "llama3", "yarn"]
    factor: float
    original_positions: int = 0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None  # None: 0.1 ln(factor) + 1


@dataclass(frozen=True)
class ModelConfig:
    """A decoder-only transformer. The letters are those that end the names of arrays:

    B batch, T time, S cache length, D model, N query heads, K key/value heads, G query heads a key/value
    head, H head size, F feed-forward, L layers, V vocabulary, E experts, F an expert's feed-forward too.
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
    rope_scaling: RopeScaling | None = None
    local_rope_theta: float = 0.0  # of sliding layers, unscaled; 0: they have the main embedding
    norm_eps: float = 1e-6
    norm_offset: float = 0.0  # added to the scale of every norm
    post_norms: bool = False  # norms of what attention and feed-forward give, before it is added
    qk_norm: bool = False
    attention_bias: bool = False  # of queries, keys and values
    output_bias: bool = False  # of what attention gives
    ffn_bias: bool = False
    activation: Literal["silu", "gelu_tanh"] = "silu"
    attention_scale: float = 0.0  # of scores; 0: H ** -0.5
    logit_softcap: float = 0.0  # logits become cap * tanh(logit / cap); 0: they do not
    embed_scale: float = 1.0  # of embeddings
    sliding_window: int = 0  # tokens that a sliding layer sees, itself included
    sliding_layers: tuple[bool, ...] = ()  # which layers slide; empty: none
    rotary_layers: tuple[bool, ...] = ()  # which layers have rotary embeddings; empty: all
    num_experts: int = 0  # E; 0: one feed-forward for all tokens
    experts_per_token: int = 0
    expert_ffn_size: int = 0
    normalized_experts: bool = True  # whether the weights of a token's experts are made to sum to 1
    tie_embeddings: bool = True
    max_positions: int = 32_768  # what the checkpoint was trained for; nothing is sized by it
    init_std: float = 0.02
    param_dtype: str = "float32"
    compute_dtype: str = "float32"  # matrix products; norms, softmax, logits and RoPE are always float32
    remat: Remat = "none"

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "num_heads", "num_kv_heads", "head_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it is at least 1.")
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"num_heads is {self.num_heads} and num_kv_heads {self.num_kv_heads}: "
                "the first must be a multiple of the second."
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim is {self.head_dim}: rotary embeddings need an even number.")
        for name in ("sliding_layers", "rotary_layers"):
            if len(getattr(self, name)) not in (0, self.num_layers):
                raise ValueError(
                    f"{name} says something of {len(getattr(self, name))} layers; there are {self.num_layers}."
                )
        if any(self.sliding_layers) and self.sliding_window < 1:
            raise ValueError("sliding_layers wants a sliding_window of 1 or more.")
        if self.num_experts and not 0 < self.experts_per_token <= self.num_experts:
            raise ValueError(f"experts_per_token is {self.experts_per_token} of {self.num_experts} experts.")

    @property
    def layer_kinds(self) -> tuple[LayerKind, ...]:
        """One for each layer."""
        sliding = self.sliding_layers or (False,) * self.num_layers
        rotary = self.rotary_layers or (True,) * self.num_layers
        return tuple(
            LayerKind(slides, _rope(rotates, slides and self.local_rope_theta > 0))
            for slides, rotates in zip(sliding, rotary, strict=True)
        )

    @property
    def score_scale(self) -> float:
        """What the products of queries and keys are multiplied with."""
        return self.attention_scale or self.head_dim**-0.5


def _rope(rotates: bool, local: bool) -> Rope:
    if not rotates:
        return "none"
    return "local" if local else "main"
