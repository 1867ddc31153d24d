"""A second opinion on a Hugging Face directory: its logits here and in `transformers`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from tokenizers import Tokenizer

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import Progress, import_model, load_config, unheard
from astra_jax.models import Transformer

TEXT = (
    "A ferry leaves Lisbon at 07:45 and takes 2.5 hours; another one is 18 % faster. When do they arrive? "
    'Call {"name": "timetable", "arguments": {"port": "Lisboa", "day": 3}} and say how you know.'
)


@dataclass(frozen=True)
class Agreement:
    """On one sequence: the largest difference between logits, and how often the same token is the likeliest."""

    what: str
    tokens: int
    difference: float
    largest: float  # logit, by its absolute value
    same_argmax: float  # fraction of positions

    def within(self, tolerance: float) -> bool:
        """Whether the difference is at most `tolerance` of the largest logit; never if it is no number."""
        return self.difference <= tolerance * self.largest


def compare(
    directory: str | Path, *, tokens: int = 128, seed: int = 0, progress: Progress = unheard
) -> list[Agreement]:
    """Both models on random tokens, and on a text if there is a tokenizer. One model is in memory at a time.

    Raises:
        CheckpointError: PyTorch or `transformers` is not installed; else as `import_model`.
    """
    directory = Path(directory)
    _require_torch()
    sequences = _sequences(directory, tokens, seed)
    ours = _our_logits(import_model(directory, progress=progress), sequences)
    theirs = _their_logits(directory, sequences)
    return [_agreement(what, ours[what], theirs[what]) for what in sequences]


def _require_torch() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise CheckpointError(
            f"The check compares with transformers and PyTorch, and {error.name} is not installed: "
            "`pip install astra-jax[eval]`."
        ) from None


def _sequences(directory: Path, tokens: int, seed: int) -> dict[str, np.ndarray]:
    vocabulary = load_config(directory).vocab_size
    sequences = {"random tokens": np.random.default_rng(seed).integers(0, vocabulary, tokens)}
    if (directory / "tokenizer.json").exists():
        ids = Tokenizer.from_file(str(directory / "tokenizer.json")).encode(TEXT).ids
        sequences |= {"a text": np.array(ids)} if ids else {}
    return sequences


def _our_logits(model: Transformer, sequences: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    @nnx.jit
    def logits(model: Transformer, tokens: jax.Array) -> jax.Array:
        positions = jnp.arange(tokens.shape[1])[None]
        return model.logits(model(tokens, positions, jnp.ones_like(tokens)))[0]

    with jax.default_matmul_precision("highest"):
        return {what: np.asarray(logits(model, jnp.array(ids[None]))) for what, ids in sequences.items()}


def _their_logits(directory: Path, sequences: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    import torch
    import transformers

    model: Any = transformers.AutoModelForCausalLM.from_pretrained(str(directory), dtype=torch.float32).eval()
    with torch.no_grad():
        return {what: model(torch.tensor(ids[None])).logits[0].numpy() for what, ids in sequences.items()}


def _agreement(what: str, ours: np.ndarray, theirs: np.ndarray) -> Agreement:
    same = (ours.argmax(-1) == theirs.argmax(-1)).mean()
    return Agreement(
        what, len(ours), float(np.abs(ours - theirs).max()), float(np.abs(theirs).max()), float(same)
    )
