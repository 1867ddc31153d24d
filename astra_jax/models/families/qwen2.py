"""Qwen2 and Qwen2.5, dense: queries, keys and values have biases, what attention gives has none."""

from astra_jax.models.families.family import DENSE_TENSORS, Family
from astra_jax.models.families.layers import read_upper_window, write_upper_window

QWEN2 = Family(
    model_type="qwen2",
    architecture="Qwen2ForCausalLM",
    tensors=DENSE_TENSORS,
    read=lambda hf: {
        "head_dim": hf.get("head_dim") or hf["hidden_size"] // hf["num_attention_heads"],
        "attention_bias": True,
        **read_upper_window(hf),
    },
    write=write_upper_window,
)
