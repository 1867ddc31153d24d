"""The same tensors give the same hidden states here and in `transformers`."""

from __future__ import annotations

import numpy as np
import pytest

from data_synthesis.embedding.bert import Bert

HEADS = 4


@pytest.fixture(scope="module")
def reference():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=101,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        intermediate_size=80,
        max_position_embeddings=40,
        initializer_range=0.2,  # large enough for a difference to show
        layer_norm_eps=1e-12,
    )
    return transformers.BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def bert(reference) -> Bert:
    return Bert({name: tensor.numpy() for name, tensor in reference.state_dict().items()}, HEADS)


def states(reference, ids: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return reference(input_ids=torch.tensor(ids)[None]).last_hidden_state[0].numpy()


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_hidden_states_agree_with_transformers(bert, reference, length):
    ids = np.random.default_rng(length).integers(0, 101, length)
    np.testing.assert_allclose(bert(ids), states(reference, ids), atol=2e-5, rtol=0)
    assert bert(ids).dtype == np.float32


def test_it_knows_how_much_it_can_read(bert):
    assert bert.positions == 40
