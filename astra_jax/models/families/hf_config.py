"""`config.json` to `ModelConfig` and back.

Written with the keys of both transformers 4 (`rope_theta`, `torch_dtype`) and 5 (`rope_parameters`, `dtype`): each
reads a file that has only the other's without complaint, and wrongly.
"""

from __future__ import annotations

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import Family, HFConfig


class UnsupportedModel(ValueError):
    """A checkpoint asks for something that these models do not do."""


def read_config(family: Family, hf: HFConfig) -> ModelConfig:
    """The model that a parsed `config.json` describes, in float32.

    Raises:
        UnsupportedModel: the file asks for a feature that is not implemented, or lacks a size.
    """
    _refuse_unsupported(hf)
    try:
        return ModelConfig(
            family=family.model_type,
            vocab_size=hf["vocab_size"],
            hidden_size=hf["hidden_size"],
            ffn_size=hf["intermediate_size"],
            num_layers=hf["num_hidden_layers"],
            num_heads=hf["num_attention_heads"],
            num_kv_heads=hf.get("num_key_value_heads") or hf["num_attention_heads"],
            rope_theta=float(_rope(hf).get("rope_theta") or hf.get("rope_theta") or 10_000.0),
            norm_eps=hf.get("rms_norm_eps", 1e-6),
            tie_embeddings=hf.get("tie_word_embeddings", False),
            max_positions=hf.get("max_position_embeddings", ModelConfig.max_positions),
            init_std=hf.get("initializer_range", ModelConfig.init_std),
            **family.read(hf),
        )
    except KeyError as missing:
        raise UnsupportedModel(f"config.json of a {family.model_type} model lacks {missing}.") from None


def write_config(family: Family, config: ModelConfig, dtype: str) -> dict[str, Any]:
    """The `config.json` of `config`, for tensors stored as `dtype`."""
    return {
        "architectures": [family.architecture],
        "model_type": family.model_type,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.ffn_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": config.max_positions,
        "initializer_range": config.init_std,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_scaling": None,
        "rope_parameters": {"rope_theta": config.rope_theta, "rope_type": "default"},
        "tie_word_embeddings": config.tie_embeddings,
        "use_cache": True,
        "torch_dtype": dtype,
        "dtype": dtype,
        **family.write(config),
    }


def _rope(hf: HFConfig) -> HFConfig:
    """transformers 5 calls it `rope_parameters`, 4 `rope_scaling`, where null is the plain kind."""
    return hf.get("rope_parameters") or hf.get("rope_scaling") or {}


def _refuse_unsupported(hf: HFConfig) -> None:
    rope = _rope(hf)
    features = {
        "rope scaling": (rope.get("rope_type", rope.get("type", "default")), "default"),
        "partial rotary embeddings": (rope.get("partial_rotary_factor", 1.0), 1.0),
        "hidden activation": (hf.get("hidden_act", "silu"), "silu"),
        "sliding-window attention": (bool(hf.get("use_sliding_window", False)), False),
        "layer types": (set(hf.get("layer_types") or ["full_attention"]), {"full_attention"}),
        "quantized weights": (hf.get("quantization_config"), None),
    }
    for feature, (asked, supported) in features.items():
        if asked != supported:
            raise UnsupportedModel(
                f"{hf.get('model_type')} with {feature} {asked!r} is not supported; only {supported!r} is."
            )
