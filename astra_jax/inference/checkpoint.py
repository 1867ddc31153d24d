"""A checkpoint as an engine samples from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from astra_jax.checkpoints.hf import import_model
from astra_jax.models import Transformer
from astra_jax.tokens import FORMATS, ChatFormat
from astra_jax.training.settings import BadSetting, choose
from astra_jax.training.state import with_config

DTYPES = ("float32", "bfloat16")


def sampling_model(directory: str | Path, dtype: str) -> Transformer:
    """The model of `directory`, its weights, products and cache in `dtype`.

    Raises:
        BadSetting: `dtype` is none of `DTYPES`.
        CheckpointError, UnsupportedModel: as `import_model`.
    """
    if dtype not in DTYPES:
        raise BadSetting(f"config.dtype is {dtype!r}; it is one of {', '.join(DTYPES)}")
    model = import_model(directory, param_dtype=dtype)
    return with_config(model, replace(model.config, compute_dtype=dtype))


def episode_format(name: str, directory: str | Path) -> ChatFormat:
    """The format called `name`, with the policy of reasoning of the model in `directory`, to play episodes in.

    Raises:
        BadSetting: there is no such format, or the policy drops earlier reasoning, which no episode can follow.
    """
    format = choose("chat_format", name, FORMATS).as_exported(directory)
    if format.thinking != "keep":
        raise BadSetting(
            f"config.model is {str(directory)!r}, whose chat template drops earlier reasoning (thinking "
            f"{format.thinking!r}): an episode's tokens are only ever appended, so it needs a model that keeps it"
        )
    return format
