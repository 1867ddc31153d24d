"""SmolLM3: Llama with every fourth layer without rotary embeddings (arXiv 2501.18795)."""

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import DENSE_TENSORS, Family, HFConfig
from astra_jax.models.families.layers import FULL, SLIDING, read_sliding, write_sliding


def _read(hf: HFConfig) -> dict[str, Any]:
    layers, every = hf["num_hidden_layers"], hf.get("no_rope_layer_interval") or 4
    rotates = hf.get("no_rope_layers") or [(i + 1) % every != 0 for i in range(layers)]
    slides = hf.get("use_sliding_window") and hf.get("sliding_window")
    return {
        "head_dim": hf.get("head_dim") or hf["hidden_size"] // hf["num_attention_heads"],
        "attention_bias": hf.get("attention_bias", False),
        "output_bias": hf.get("attention_bias", False),
        "ffn_bias": hf.get("mlp_bias", False),
        "rotary_layers": tuple(bool(each) for each in rotates),
        **read_sliding(hf, [SLIDING if slides and not each else FULL for each in rotates]),
    }


def _write(config: ModelConfig) -> dict[str, Any]:
    return {
        "attention_bias": config.attention_bias,
        "mlp_bias": config.ffn_bias,
        "no_rope_layers": [int(each) for each in config.rotary_layers],
        "use_sliding_window": any(config.sliding_layers),
        **write_sliding(config),
    }


SMOLLM3 = Family(
    model_type="smollm3",
    architecture="SmolLM3ForCausalLM",
    tensors=DENSE_TENSORS,
    read=_read,
    write=_write,
    tied=True,
)
