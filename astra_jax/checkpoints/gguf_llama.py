"""A Llama in a GGUF file (llama.cpp's format): its configuration, its tensors dequantised, its tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.safetensors_file import NewTensor
from astra_jax.models import ModelConfig

LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
CONTROL_TOKEN = 3  # GGUF's code in `tokenizer.ggml.token_type`


@dataclass(frozen=True)
class GGUFLlama:
    """An open file; tensors are read when asked for."""

    reader: Any

    @classmethod
    def open(cls, path: Path) -> GGUFLlama:
        try:
            from gguf import GGUFReader
        except ImportError:
            raise CheckpointError("Reading GGUF needs `pip install astra-jax[convert]`.") from None
        return cls(GGUFReader(path))

    def field(self, key: str) -> Any:
        """
        Raises:
            CheckpointError: the file has no such field.
        """
        if key not in self.reader.fields:
            raise CheckpointError(f"The GGUF file has no field {key}.")
        return self.reader.fields[key].contents()

    def config(self) -> ModelConfig:
        hidden, heads = self.field("llama.embedding_length"), self.field("llama.attention.head_count")
        return ModelConfig(
            family="llama",
            vocab_size=len(self.field("tokenizer.ggml.tokens")),
            hidden_size=hidden,
            ffn_size=self.field("llama.feed_forward_length"),
            num_layers=self.field("llama.block_count"),
            num_heads=heads,
            num_kv_heads=self.field("llama.attention.head_count_kv"),
            head_dim=hidden // heads,
            rope_theta=float(self.field("llama.rope.freq_base")),
            norm_eps=round(float(self.field("llama.attention.layer_norm_rms_epsilon")), 10),
            tie_embeddings=all(tensor.name != "output.weight" for tensor in self.reader.tensors),
            max_positions=self.field("llama.context_length"),
        )

    def tensors(self, dtype: str) -> list[NewTensor]:
        """Every tensor under its Hugging Face name, dequantised when it is asked for."""
        from gguf import dequantize

        config = self.config()
        rotated = {"attn_q": config.num_heads, "attn_k": config.num_kv_heads}

        def values(tensor: Any) -> np.ndarray:
            weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            kind = tensor.name.split(".")[-2]
            return _unpermute(weight, rotated[kind]) if kind in rotated else weight

        return [
            NewTensor(_hf_name(t.name), tuple(map(int, reversed(t.shape))), dtype, partial(values, t))
            for t in self.reader.tensors
        ]

    def tokenizer(self) -> Tokenizer:
        """Byte-level BPE, digits one by one: the `smollm` pre-tokenizer, which transformers' own reader drops.

        Raises:
            CheckpointError: another pre-tokenizer.
        """
        if self.field("tokenizer.ggml.pre") != "smollm":
            raise CheckpointError(f"Pre-tokenizer {self.field('tokenizer.ggml.pre')!r} is not supported.")
        tokens = self.field("tokenizer.ggml.tokens")
        merges = [tuple(merge.split(" ")) for merge in self.field("tokenizer.ggml.merges")]
        tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        kinds = self.field("tokenizer.ggml.token_type")
        control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL_TOKEN]
        tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in control])
        return tokenizer

    def special_ids(self) -> dict[str, int]:
        """`bos_token_id` and its like."""
        names = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
        return {f"{ours}_token_id": self.field(f"tokenizer.ggml.{g}_token_id") for ours, g in names.items()}

    def chat_template(self) -> str:
        return self.field("tokenizer.chat_template")


def _hf_name(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{LAYER_TENSORS[parts[2]]}.{parts[3]}"
    return f"{TENSORS[parts[0]]}.{parts[1]}"


def _unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp rotates neighbouring rows of a head, Hugging Face the two halves: puts the rows back."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, -1).swapaxes(1, 2).reshape(weight.shape)
