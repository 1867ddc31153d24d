"""Qwen3, dense: queries and keys are normalised by head; the head size is a number of its own."""

from astra_jax.models.families.family import DENSE_TENSORS, Family, norm

QWEN3 = Family(
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    tensors=DENSE_TENSORS
    | norm("attention.query_norm", "self_attn.q_norm")
    | norm("attention.key_norm", "self_attn.k_norm"),
    read=lambda hf: {
        "head_dim": hf.get("head_dim") or 128,  # the class's default, which transformers need not write
        "qk_norm": True,
        "attention_bias": hf.get("attention_bias", False),
    },
    write=lambda config: {
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "sliding_window": None,
        "max_window_layers": config.num_layers,
    },
)
