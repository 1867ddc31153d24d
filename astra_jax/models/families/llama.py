"""Llama: the plain case; SmolLM2 is one."""

from astra_jax.models.families.family import DENSE_TENSORS, Family

LLAMA = Family(
    model_type="llama",
    architecture="LlamaForCausalLM",
    tensors=DENSE_TENSORS,
    read=lambda hf: {
        "head_dim": hf.get("head_dim") or hf["hidden_size"] // hf["num_attention_heads"],
        "attention_bias": hf.get("attention_bias", False),
        "output_bias": hf.get("attention_bias", False),
        "ffn_bias": hf.get("mlp_bias", False),
    },
    write=lambda config: {
        "attention_bias": config.attention_bias,
        "mlp_bias": config.ffn_bias,
        "pretraining_tp": 1,
    },
)
