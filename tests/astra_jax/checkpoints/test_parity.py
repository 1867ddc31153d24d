"""The same tensors give the same logits here and in `transformers`."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.checkpoints.smollm2 import WheelUnavailable, convert


@nnx.jit
def logits(model, tokens):
    positions = jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)
    return model.logits(model(tokens, positions, jnp.ones_like(tokens)))


def torch_logits(model, tokens):
    import torch

    with torch.no_grad():
        return model(torch.tensor(tokens)).logits.numpy()


def test_tiny_models_agree_with_transformers_both_ways(torch_model, tokenizer_dir, tmp_path):
    from transformers import AutoModelForCausalLM

    tokens = np.random.default_rng(0).integers(0, torch_model.config.vocab_size, (2, 70))
    expected = torch_logits(torch_model, tokens)
    assert np.abs(expected).max() > 1  # random weights large enough for a difference to show
    model = import_model(torch_model.directory)
    np.testing.assert_allclose(logits(model, tokens), expected, atol=1e-4, rtol=0)

    exported = export_model(model, tmp_path / "exported", tokenizer_dir=tokenizer_dir)
    again = AutoModelForCausalLM.from_pretrained(exported)
    np.testing.assert_array_equal(torch_logits(again, tokens), expected)


@pytest.mark.slow
def test_smollm2_with_its_real_weights_agrees_with_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    pytest.importorskip("gguf", reason="gguf is not installed: nothing to read the weights with")
    try:
        directory = convert(tmp_path / "smollm2")
    except WheelUnavailable as error:
        pytest.skip(str(error))
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("in 2024")) == ["in", "Ġ", "2", "0", "2", "4"]
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    tokens = np.array([tokenizer.encode(prompt)])
    reference = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype="float32").eval()
    ours = logits(import_model(directory), tokens)
    np.testing.assert_allclose(ours, torch_logits(reference, tokens), atol=1e-3, rtol=0)
    assert tokenizer.decode([int(ours[0, -1].argmax())]) == "The"
