"""MiniLM with its real weights, against `transformers`."""

from __future__ import annotations

import numpy as np
import pytest

from data_synthesis.embedding import EmbeddingUnavailable
from data_synthesis.embedding.minilm import LONGEST, MiniLM
from data_synthesis.embedding.weights import minilm_files

pytestmark = pytest.mark.slow

TEXTS = [
    "Which gate does my flight leave from?",
    "Finds the departure gate of a flight.",
    "Returns the nightly rate of a hotel room.",
    "Größe, 価格, цена, \U0001f600 and e\u0301: accents are stripped and letters lowered",
    "{'name': 'get_rate', 'description': '', 'parameters': {'type': 'object'}}",
    "",
    "word " * 2000,
]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    try:
        return minilm_files(tmp_path_factory.mktemp("minilm"))
    except EmbeddingUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def minilm(files) -> MiniLM:
    return MiniLM(files, workers=2)


def test_vectors_agree_with_transformers(minilm, files):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from safetensors.torch import load_file

    config = transformers.BertConfig(
        num_hidden_layers=6, hidden_size=384, num_attention_heads=12, intermediate_size=1536
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    missing, unexpected = model.load_state_dict(load_file(files / "model.safetensors"), strict=False)
    assert not missing
    assert all(name.startswith("pooler.") or name == "embeddings.position_ids" for name in unexpected)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(files / "tokenizer.json"), pad_token="[PAD]"
    )
    batch = tokenizer(TEXTS, padding="longest", truncation=True, max_length=LONGEST, return_tensors="pt")
    with torch.no_grad():
        hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean).numpy()
    np.testing.assert_allclose(minilm.embed(TEXTS), expected, atol=1e-5, rtol=0)


def test_a_vector_does_not_depend_on_what_is_embedded_with_it(minilm):
    together = minilm.embed([*TEXTS, *reversed(TEXTS)])
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    np.testing.assert_array_equal(together[: len(TEXTS)], alone)
    np.testing.assert_array_equal(together[len(TEXTS) :][::-1], alone)


def test_vectors_are_unit_rows_of_float32(minilm):
    vectors = minilm.embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert minilm.embed([]).shape == (0, 384)


def test_only_the_first_tokens_are_read(minilm):
    head = "gate " * (LONGEST - 2)  # with [CLS] and [SEP]
    exact, longer, shorter = minilm.embed([head, head + "hotel " * 100, head.removesuffix("gate ")])
    np.testing.assert_array_equal(exact, longer)
    assert (exact != shorter).any()


def test_what_means_the_same_is_near(minilm):
    gate, finds, hotel = minilm.embed(TEXTS[:3])
    assert gate @ finds > 0.6 > 0.3 > gate @ hotel
    np.testing.assert_array_equal(*minilm.embed(["Hôtel \ud800", "hotel ?"]))
