"""The same tensors give the same logits here and in `transformers`."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints.gather import tensors_of
from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.checkpoints.layout import Layout
from astra_jax.checkpoints.smollm2 import WheelUnavailable, convert
from astra_jax.models import init_cache
from astra_jax.models.families import find_family
from astra_jax.models.parameter import named_parameters


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


def apart(name, tensor):
    """A tensor by the names that it is saved under: PyTorch's model keeps all experts of a layer in one."""
    stem, _, leaf = name.rpartition(".experts.")
    if not stem:
        return {name: tensor}
    names = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}[leaf]
    return {
        f"{stem}.experts.{expert}.{each}.weight": part
        for expert, of_expert in enumerate(tensor)
        for each, part in zip(names, np.split(of_expert, len(names)), strict=True)
    }


@pytest.mark.slow
def test_gradients_agree_with_transformers(torch_model):
    import torch

    tokens = np.random.default_rng(1).integers(0, torch_model.config.vocab_size, (2, 40))
    weights = np.random.default_rng(2).normal(size=(2, 40, torch_model.config.vocab_size)).astype(np.float32)
    (torch_model(torch.tensor(tokens)).logits * torch.tensor(weights)).sum().backward()
    found = {name: p.grad.numpy() for name, p in torch_model.named_parameters() if p.grad is not None}
    theirs = {name: value for fused, grad in found.items() for name, value in apart(fused, grad).items()}

    model = import_model(torch_model.directory)
    gradient = nnx.jit(nnx.grad(lambda model: (logits(model, tokens) * weights).sum()))(model)
    family = find_family(model.config.family)
    compared = 0
    for path, parameter in named_parameters(gradient):
        layout = Layout.of(family, path, parameter)
        for ours in tensors_of(layout, parameter.get_value(), "float32"):
            if ours.name in theirs:
                expected = theirs[ours.name]
                scale = max(np.abs(expected).max(), 1)  # some are zero but for rounding
                np.testing.assert_allclose(
                    ours.values(), expected, atol=2e-4 * scale, rtol=0, err_msg=ours.name
                )
                compared += 1
    assert compared == len(theirs)


def test_a_cache_gives_the_logits_of_a_whole_row(torch_model):
    tokens = np.random.default_rng(3).integers(0, torch_model.config.vocab_size, (2, 33))
    model = import_model(torch_model.directory)
    cache, parts = init_cache(model.config, 2, 40), []
    extend = nnx.jit(lambda model, tokens, positions, cache: model.extend(tokens, positions, cache))
    for start, end in ((0, 11), (11, 22), (22, 33)):
        positions = np.broadcast_to(np.arange(start, end), (2, end - start))
        hidden, cache = extend(model, tokens[:, start:end], positions, cache)
        parts.append(model.logits(hidden))
    np.testing.assert_allclose(np.concatenate(parts, axis=1), logits(model, tokens), atol=1e-4, rtol=0)


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
