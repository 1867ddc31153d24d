"""Qwen3's mixtures: as the dense ones, with experts in every layer."""

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import ATTENTION_TENSORS, QK_NORM_TENSORS, Family, HFConfig


def _read(hf: HFConfig) -> dict[str, Any]:
    if hf.get("decoder_sparse_step", 1) != 1 or hf.get("mlp_only_layers"):
        raise ValueError("layers without experts are not supported")
    if hf.get("use_sliding_window"):
        raise ValueError("sliding windows are not supported")
    return {
        "head_dim": hf.get("head_dim") or hf["hidden_size"] // hf["num_attention_heads"],
        "qk_norm": True,
        "attention_bias": hf.get("attention_bias", False),
        "output_bias": hf.get("attention_bias", False),
        "num_experts": hf.get("num_experts") or hf.get("num_local_experts") or 128,
        "experts_per_token": hf.get("num_experts_per_tok", 8),
        "expert_ffn_size": hf.get("moe_intermediate_size", 768),
        "normalized_experts": hf.get("norm_topk_prob", False),
    }


def _write(config: ModelConfig) -> dict[str, Any]:
    return {
        "attention_bias": config.attention_bias,
        "use_sliding_window": False,
        "sliding_window": None,
        "max_window_layers": config.num_layers,
        "num_experts": config.num_experts,
        "num_local_experts": config.num_experts,
        "num_experts_per_tok": config.experts_per_token,
        "moe_intermediate_size": config.expert_ffn_size,
        "norm_topk_prob": config.normalized_experts,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "output_router_logits": False,
        "router_aux_loss_coef": 0.001,
    }


def _expert(name: str) -> str:
    return f"model.layers.{{layer}}.mlp.experts.{{expert}}.{name}.weight"


QWEN3_MOE = Family(
    model_type="qwen3_moe",
    architecture="Qwen3MoeForCausalLM",
    tensors=ATTENTION_TENSORS
    | QK_NORM_TENSORS
    | {
        "layers.ffn.router.weight": "model.layers.{layer}.mlp.gate.weight",
        "layers.ffn.gate.weight": _expert("gate_proj"),
        "layers.ffn.up.weight": _expert("up_proj"),
        "layers.ffn.down.weight": _expert("down_proj"),
    },
    read=_read,
    write=_write,
)
