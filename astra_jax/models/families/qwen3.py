"""Qwen3, dense: queries and keys are normalised by head; the head size is a number of its own."""

from astra_jax.models.families.family import DENSE_TENSORS, QK_NORM_TENSORS, Family
from astra_jax.models.families.layers import read_upper_window, write_upper_window

QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    tensors=DENSE_TENSORS | QK_NORM_TENSORS,
    read=lambda hf: {
        "head_dim": hf.get("head_dim") or 128,  # the class's default, which transformers need not write
        "qk_norm": True,
        "attention_bias": hf.get("attention_bias", False),
        "output_bias": hf.get("attention_bias", False),
        **read_upper_window(hf),
    },
    write=lambda config: {"attention_bias": config.attention_bias, **write_upper_window(config)},
)
