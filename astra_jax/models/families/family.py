"""What a family of models is to us: how its `config.json` and its tensors are named, and how it differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from astra_jax.models.config import ModelConfig

HFConfig = Mapping[str, Any]  # a parsed config.json


@dataclass(frozen=True)
class Family:
    """One `model_type` of Hugging Face.

    `tensors` maps the path of each parameter that a model of the family can have to the name of its tensor, with
    `{layer}` for those of the stacked layers and `{expert}` for those of each expert. `read` gives the `ModelConfig`
    fields that this family sets in its own way, `write` the `config.json` keys. `tied` and `activation` hold where the
    file does not say.
    """

    model_type: str
    architecture: str
    tensors: Mapping[str, str]
    read: Callable[[HFConfig], dict[str, Any]]
    write: Callable[[ModelConfig], dict[str, Any]]
    tied: bool = False
    activation: str = "silu"
    activation_key: str = "hidden_act"


def linear(ours: str, theirs: str) -> dict[str, str]:
    """Weight and bias of a linear map in a layer."""
    return {f"layers.{ours}.{leaf}": f"model.layers.{{layer}}.{theirs}.{leaf}" for leaf in ("weight", "bias")}


def norm(ours: str, theirs: str) -> dict[str, str]:
    """The scale of a norm in a layer."""
    return {f"layers.{ours}.scale": f"model.layers.{{layer}}.{theirs}.weight"}


ATTENTION_TENSORS = {
    "embedding": "model.embed_tokens.weight",
    "unembedding": "lm_head.weight",
    "final_norm.scale": "model.norm.weight",
    **norm("attention_norm", "input_layernorm"),
    **norm("ffn_norm", "post_attention_layernorm"),
    **linear("attention.query", "self_attn.q_proj"),
    **linear("attention.key", "self_attn.k_proj"),
    **linear("attention.value", "self_attn.v_proj"),
    **linear("attention.output", "self_attn.o_proj"),
}
DENSE_TENSORS = {
    **ATTENTION_TENSORS,
    **linear("ffn.gate", "mlp.gate_proj"),
    **linear("ffn.up", "mlp.up_proj"),
    **linear("ffn.down", "mlp.down_proj"),
}
QK_NORM_TENSORS = norm("attention.query_norm", "self_attn.q_norm") | norm(
    "attention.key_norm", "self_attn.k_norm"
)
