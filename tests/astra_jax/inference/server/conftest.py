"""A tiny random model behind a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import openai
import pytest
import tokenizers
import uvicorn
from flax import nnx
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from astra_jax.checkpoints.hf import export_model
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.server.app import make_app
from astra_jax.inference.server.run import make_service
from astra_jax.inference.server.service import Service, Settings
from astra_jax.models import ModelConfig, Transformer
from astra_jax.tokens import QWEN3, Tokenizer
from astra_jax.tokens.nano import SPECIAL, TAGS

SIZE = EngineSize(slots=4, context=1536, prefill_tokens=128, prefill_tail=32, decode_tokens=4, stop_ids=8)
TEXTS = ['What is the weather in Paris? {"name": "weather", "arguments": {"city": "Paris"}}'] * 3


def tokenizer_in(folder: Path) -> Tokenizer:
    """Byte-level BPE, as Qwen's."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    made.add_tokens([AddedToken(token, normalized=False) for token in TAGS])
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    return Tokenizer(folder)


def model_in(folder: Path, seed: int, hidden: int = 32) -> Path:
    """Writes a Hugging Face directory."""
    tokenizer = tokenizer_in(folder / "tokenizer")
    config = ModelConfig("qwen3", tokenizer.vocab_size, hidden, 48, 2, 4, 2, 8, qk_norm=True, init_std=0.16)
    export_model(Transformer(config, rngs=nnx.Rngs(seed)), folder / "hf", tokenizer_dir=folder / "tokenizer")
    return folder / "hf"


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly(compile_quickly):
    pass


@pytest.fixture(scope="session")
def served(tmp_path_factory) -> Path:
    return model_in(tmp_path_factory.mktemp("served"), 0)


@contextmanager
def serving(folder: Path, size: EngineSize = SIZE, **settings) -> Iterator[tuple[str, Service]]:
    """The address of a server over the checkpoint, and what it knows."""
    service = make_service(Settings("tiny", folder, QWEN3, **settings), size, jax.devices()[:1])
    server = uvicorn.Server(uvicorn.Config(make_app(service), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", service
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def server(served) -> Iterator[tuple[str, Service]]:
    with serving(served) as running:
        yield running


@pytest.fixture(scope="module")
def address(server) -> str:
    return server[0]


@pytest.fixture(scope="module")
def client(address) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=120) as client:
        yield client
