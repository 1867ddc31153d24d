"""`config.json` to `ModelConfig` and back.

Written with the keys of both transformers 4 (`rope_theta`, `torch_dtype`) and 5 (`rope_parameters`, `dtype`): each
reads a file that has only the other's without complaint, and wrongly.
"""

from __future__ import annotations

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import Family, HFConfig
from astra_jax.models.families.rope import read_rope, rope_of, without_theta, write_rope

_ACTIVATIONS = {"silu": "silu", "gelu_pytorch_tanh": "gelu_tanh"}


class UnsupportedModel(ValueError):
    """A checkpoint asks for something that these models do not do."""


def read_config(family: Family, hf: HFConfig) -> ModelConfig:
    """The model that a parsed `config.json` describes, in float32.

    Raises:
        UnsupportedModel: the file asks for a feature that is not implemented, or lacks a size.
    """
    _refuse_unsupported(family, hf)
    common = {
        "norm_eps": hf.get("rms_norm_eps", 1e-6),
        "activation": _ACTIVATIONS[_activation(family, hf)],
        "tie_embeddings": hf.get("tie_word_embeddings", family.tied),
        "max_positions": hf.get("max_position_embeddings", ModelConfig.max_positions),
        "init_std": hf.get("initializer_range", ModelConfig.init_std),
    }
    try:
        own = family.read(hf)
        if "rope_theta" not in own:
            common |= read_rope(rope_of(hf), hf.get("rope_theta"), hf.get("max_position_embeddings"))
        return ModelConfig(
            family=family.model_type,
            vocab_size=hf["vocab_size"],
            hidden_size=hf["hidden_size"],
            ffn_size=hf["intermediate_size"],
            num_layers=hf["num_hidden_layers"],
            num_heads=hf["num_attention_heads"],
            num_kv_heads=hf.get("num_key_value_heads") or hf["num_attention_heads"],
            **common | own,
        )
    except KeyError as missing:
        raise UnsupportedModel(f"config.json of a {family.model_type} model lacks {missing}.") from None
    except ValueError as error:
        raise UnsupportedModel(f"config.json of a {family.model_type} model: {error}.") from None


def write_config(family: Family, config: ModelConfig, dtype: str) -> dict[str, Any]:
    """The `config.json` of `config`, for tensors stored as `dtype`."""
    rope = write_rope(config.rope_theta, config.rope_scaling)
    activation = next(theirs for theirs, ours in _ACTIVATIONS.items() if ours == config.activation)
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
        family.activation_key: activation,
        "max_position_embeddings": config.max_positions,
        "initializer_range": config.init_std,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_scaling": without_theta(rope),
        "rope_parameters": rope,
        "attention_dropout": 0.0,
        "tie_word_embeddings": config.tie_embeddings,
        "use_cache": True,
        "torch_dtype": dtype,
        "dtype": dtype,
        **family.write(config),
    }


def _activation(family: Family, hf: HFConfig) -> str:
    return hf.get(family.activation_key) or family.activation


def _refuse_unsupported(family: Family, hf: HFConfig) -> None:
    features = {
        "partial rotary embeddings": (rope_of(hf).get("partial_rotary_factor", 1.0), (1.0,)),
        "hidden activation": (_activation(family, hf), tuple(_ACTIVATIONS)),
        "quantized weights": (hf.get("quantization_config"), (None,)),
    }
    for feature, (asked, supported) in features.items():
        if asked not in supported:
            raise UnsupportedModel(
                f"{hf.get('model_type')} with {feature} {asked!r} is not supported; only "
                f"{' and '.join(map(repr, supported))} {'is' if len(supported) == 1 else 'are'}."
            )
