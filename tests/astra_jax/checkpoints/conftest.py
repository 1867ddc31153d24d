"""Random tiny models made by `transformers`, saved as it saves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

VOCAB = 128
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
TINY_MODELS = {
    "llama": {"model_type": "llama"},
    "llama-tied": {"model_type": "llama", "tie_word_embeddings": True, "rope_theta": 100_000.0},
    "llama-biases": {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "rms_norm_eps": 1e-5},
    "llama-head-size": {"model_type": "llama", "head_dim": 24, "num_key_value_heads": 1},
    "qwen3": {"model_type": "qwen3", "head_dim": 8, "num_key_value_heads": 4},
    "qwen3-tied": {"model_type": "qwen3", "head_dim": 16, "tie_word_embeddings": True},
    "qwen3-biases": {"model_type": "qwen3", "head_dim": 8, "attention_bias": True, "rope_theta": 1_000_000.0},
    "qwen3-yarn": {
        "model_type": "qwen3",
        "head_dim": 8,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 10_000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    },
    "qwen2": {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen2-sliding": {
        "model_type": "qwen2",
        "use_sliding_window": True,
        "sliding_window": 20,
        "max_window_layers": 1,
    },
    "llama3": {
        "model_type": "llama",
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "gemma3": {
        "model_type": "gemma3_text",
        "num_hidden_layers": 4,
        "head_dim": 16,
        "query_pre_attn_scalar": 25,
        "sliding_window": 20,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
            "full_attention": {"rope_type": "linear", "rope_theta": 5_000.0, "factor": 8.0},
        },
    },
    "gemma3-cap": {
        "model_type": "gemma3_text",
        "head_dim": 8,
        "attention_bias": True,
        "final_logit_softcapping": 3.0,
        "tie_word_embeddings": False,
    },
    "qwen3-moe": {
        "model_type": "qwen3_moe",
        "head_dim": 8,
        "num_experts": 6,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
        "norm_topk_prob": True,
        "attention_bias": True,
    },
    "qwen3-moe-unnormalized": {
        "model_type": "qwen3_moe",
        "num_experts": 4,
        "num_experts_per_tok": 3,
        "moe_intermediate_size": 16,
        "norm_topk_prob": False,
    },
    "smollm3": {
        "model_type": "smollm3",
        "pad_token_id": 0,
        "num_hidden_layers": 4,
        "no_rope_layers": [1, 0, 1, 0],
        "use_sliding_window": True,
        "sliding_window": 20,
        "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"],
        "attention_bias": True,
        "mlp_bias": True,
    },
}


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly(compile_quickly):
    pass


@pytest.fixture(params=TINY_MODELS)
def torch_model(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A random model in PyTorch; it is saved in its `directory`."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    import transformers

    config = transformers.AutoConfig.for_model(**SIZES | TINY_MODELS[request.param])
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases too, which start as constants
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.directory = tmp_path / "torch"
    model.save_pretrained(model.directory)
    return model


@pytest.fixture
def tokenizer_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "tokenizer"
    directory.mkdir()
    words = {f"w{i}": i for i in range(VOCAB)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {"tokenizer_class": "TokenizersBackend", "eos_token": "w1", "pad_token": "w2"}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    (directory / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }} {% endfor %}")
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": 1, "pad_token_id": 2}))
    return directory
