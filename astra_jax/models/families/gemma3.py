"""Gemma 3, its text models: five layers of six slide, with a rotary embedding of their own; norms around everything."""

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import DENSE_TENSORS, QK_NORM_TENSORS, Family, HFConfig, norm
from astra_jax.models.families.layers import FULL, SLIDING, read_sliding, write_sliding
from astra_jax.models.families.rope import read_rope, without_theta, write_rope


def _read(hf: HFConfig) -> dict[str, Any]:
    if hf.get("use_bidirectional_attention"):
        raise ValueError("bidirectional attention is not supported")
    if hf.get("attn_logit_softcapping"):
        raise ValueError("soft caps of attention are not supported, which transformers ignores")
    every = hf.get("sliding_window_pattern") or hf.get("_sliding_window_pattern") or 6
    kinds = [FULL if (i + 1) % every == 0 else SLIDING for i in range(hf["num_hidden_layers"])]
    by_kind = hf.get("rope_parameters") or {}
    main = by_kind.get(FULL) or hf.get("rope_scaling") or {}
    local = (by_kind.get(SLIDING) or {}).get("rope_theta") or hf.get("rope_local_base_freq") or 10_000.0
    return {
        "head_dim": hf.get("head_dim") or 256,
        "qk_norm": True,
        "attention_bias": hf.get("attention_bias", False),
        "output_bias": hf.get("attention_bias", False),
        "norm_offset": 1.0,
        "post_norms": True,
        "attention_scale": (hf.get("query_pre_attn_scalar") or 256) ** -0.5,
        "logit_softcap": hf.get("final_logit_softcapping") or 0.0,
        "embed_scale": hf["hidden_size"] ** 0.5,
        "local_rope_theta": float(local),
        **read_sliding(hf, kinds),
        **read_rope(main, hf.get("rope_theta") or 1e6, hf.get("max_position_embeddings")),
    }


def _write(config: ModelConfig) -> dict[str, Any]:
    rope = write_rope(config.rope_theta, config.rope_scaling)
    return {
        "attention_bias": config.attention_bias,
        "query_pre_attn_scalar": round(config.score_scale**-2),
        "attn_logit_softcapping": None,
        "final_logit_softcapping": config.logit_softcap or None,
        "rope_local_base_freq": config.local_rope_theta,
        "rope_scaling": without_theta(rope),
        "rope_parameters": {FULL: rope, SLIDING: write_rope(config.local_rope_theta, None)},
        **write_sliding(config),
    }


GEMMA3 = Family(
    model_type="gemma3_text",
    architecture="Gemma3ForCausalLM",
    tensors=DENSE_TENSORS
    | QK_NORM_TENSORS
    | norm("attention_post_norm", "post_attention_layernorm")
    | norm("ffn_norm", "pre_feedforward_layernorm")
    | norm("ffn_post_norm", "post_feedforward_layernorm"),
    read=_read,
    write=_write,
    tied=True,
    activation="gelu_pytorch_tanh",
    activation_key="hidden_activation",
)
