"""Shapes of models by name: the `config.json` of a checkpoint is all that a plan needs of it."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from astra_jax.checkpoints.hf import load_config
from astra_jax.models import ModelConfig
from astra_jax.models.families import find_family, read_config
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.settings import BadSetting

HERE = Path(__file__).parent


def names() -> list[str]:
    """The shapes that come along, as `config.preset` names them."""
    return sorted(path.stem for path in HERE.glob("*.json"))


def shape_of(config: Any) -> ModelConfig:
    """The model that a configuration trains or serves, in float32: of its directory, else of its preset, else `init`.

    Raises:
        BadSetting: it names none of them.
        CheckpointError: the directory has no `config.json`.
        UnsupportedModel: as `load_config`.
    """
    directory = config.model if isinstance(config.model, str) else config.model.path
    if directory:
        return load_config(directory)
    if config.preset:
        return preset(config.preset)
    if isinstance(config.model, str) or "init" not in config.model:
        raise BadSetting(f"a plan needs the shape of a model: config.preset, one of {', '.join(names())}")
    return ModelConfig(vocab_size=_vocabulary(config), **config.model.init)


def preset(name: str) -> ModelConfig:
    """The shape called `name`.

    Raises:
        BadSetting: there is none; names the nearest.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.0)[0]
        raise BadSetting(f"config.preset is {name!r}; did you mean {near}?")
    hf = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    return read_config(find_family(hf["model_type"]), hf)


def _vocabulary(config: Any) -> int:
    if not (config.tokenizer or config.tokenizer_vocab):
        raise BadSetting(
            "a plan needs the shape of a model: config.model.path, config.preset, or a tokenizer for config.model.init"
        )
    return config.tokenizer_vocab or Tokenizer(config.tokenizer).vocab_size
