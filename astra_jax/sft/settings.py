"""What is wrong with a configuration, said before anything is loaded."""

from __future__ import annotations

import re
from typing import Any, get_args

import jax

from astra_jax.inference.checkpoint import DTYPES
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.episodes import EpisodeLimits
from astra_jax.models.config import Remat
from astra_jax.sft.data import BadRows, TooLong
from astra_jax.sft.lora import BITS, EXPORTS
from astra_jax.sft.model import STARTS, asked_shape
from astra_jax.sft.sources import sources_of
from astra_jax.tokens.templates import FORMATS, ChatFormat, Thinking
from astra_jax.training.optimizer import OptimizerConfig
from astra_jax.training.settings import BadSetting, check_least, choose, field_of, part_of
from data_synthesis.sandbox import ConfinementLevel

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


_LEAST = {
    "seed": 0,
    "tokenizer_vocab": 0,
    "data.processes": 0,
    "data.sequence_length": 2,
    "data.window": 1,
    "batch_rows": 1,
    "micro_batches": 1,
    "logits_chunk": 0,
    "epochs": 0,
    "steps": 0,
    "eval.samples": 1,
    "eval.temperature": 0,
    "checkpoint_every": 1,
    "keep": 1,
    "keep_best": 0,
    "weights_every": 0,
    "log_every": 1,
}


def check(config: Config) -> None:
    """
    Raises:
        BadSetting: names the field.
    """
    _check_given(config)
    sources_of(config)
    check_least(config, _LEAST)
    part_of(config, "optimizer", OptimizerConfig)
    if (config.steps > 0) == (config.epochs > 0):
        raise BadSetting(
            f"config.steps is {config.steps} and config.epochs {config.epochs}: exactly one of them must be positive"
        )
    choose("chat_format", config.chat_format, FORMATS)
    choose("model.start", config.model.start, STARTS)
    if not config.model.path:
        asked_shape(config, vocab_size=1)  # the tokenizer's may not be known yet
    choose("model.compute_dtype", config.model.compute_dtype, dict.fromkeys(DTYPES))
    for field, kind in {
        "thinking": Thinking,
        "model.remat": Remat,
        "data.too_long": TooLong,
        "data.bad_rows": BadRows,
    }.items():
        choose(field, field_of(config, field), dict.fromkeys(get_args(kind)))
    _check_lora(config)
    _check_eval(config)
    if config.batch_rows % config.micro_batches:
        raise BadSetting(
            f"config.batch_rows is {config.batch_rows}: it does not divide into {config.micro_batches} micro_batches"
        )


def chat_format(config: Config) -> ChatFormat:
    """The format of a run, with its policy of reasoning: what is trained on, and what the export's template prints."""
    return FORMATS[config.chat_format].with_thinking(config.thinking)


def before(config: Config) -> dict[str, Any]:
    """The fields that a folder of an earlier release may lack, with what they were there, in effect.

    Nearly none where rows are truncated: their ends were others.
    """
    if config.data.too_long == "truncate":
        return {"eval": {"limits": {"max_prompt_tokens": config.eval.limits.max_prompt_tokens}}}
    off = {"lora": {"rank": 0}, "eval": {"path": "", "arenas": ""}}
    parts = {name: config[name].to_dict() | values for name, values in off.items()}
    saves = {"keep_best": 0, "weights_every": 0, "save_in_background": False}
    return parts | saves | {"thinking": "keep", "data.sources": []}


def _check_lora(config: Config) -> None:
    check_least(config, {"lora.rank": 0, "lora.tile": 1})
    choose("lora.weights", config.lora.weights, dict.fromkeys(BITS))
    choose("lora.export", config.lora.export, dict.fromkeys(EXPORTS))
    if not config.lora.rank:
        for field, usual in {"weights": "as is", "export": "merged"}.items():
            if config.lora[field] != usual:
                raise BadSetting(
                    f"config.lora.{field} is {config.lora[field]!r} and config.lora.rank 0: without adapters all "
                    "weights are trained as they are"
                )
        return
    if config.optimizer.name != "adamw":
        raise BadSetting(f"config.optimizer.name is {config.optimizer.name!r}: adapters are trained by adamw")
    if config.lora.export == "adapter" and not config.model.path:
        raise BadSetting(
            "config.lora.export is 'adapter', which is one of a model: config.model.path is empty"
        )
    try:
        re.compile(config.lora.targets)
    except re.error as error:
        raise BadSetting(
            f"config.lora.targets is {config.lora.targets!r}, no regular expression: {error}"
        ) from None


def _check_eval(config: Config) -> None:
    asked = config.eval
    for what, every in (("path", "every"), ("arenas", "arenas_every")):
        if asked[what] and asked[every] < 1:
            raise BadSetting(
                f"config.eval.{every} is {asked[every]}, and config.eval.{what} is given: it is at least 1"
            )
    if config.keep_best and not asked.path:
        raise BadSetting(
            f"config.keep_best is {config.keep_best}: without config.eval.path nobody knows which are best"
        )
    if not asked.arenas:
        return
    choose("eval.sandbox_level", asked.sandbox_level, ConfinementLevel.__members__)
    part_of(config, "eval.limits", EpisodeLimits)
    part_of(config, "eval.engine", EngineSize)
    if config.thinking == "drop":
        raise BadSetting(
            "config.thinking is 'drop', which episodes cannot follow: config.eval.arenas must be empty"
        )
    if jax.process_count() > 1:
        raise BadSetting(
            "config.eval.arenas is played in runs of one process; `astra eval` plays weights of this one"
        )


def _check_given(config: Config) -> None:
    given = {
        "run_dir": config.run_dir,
        "tokenizer (or model.path)": config.tokenizer or config.model.path or config.tokenizer_vocab,
    }
    for name, value in given.items():
        if not value:
            raise BadSetting(f"config.{name} is empty: it has no default")
    if config.preset and not config.model.path:
        raise BadSetting(
            f"config.preset is {config.preset!r}, a shape for plans: a run needs config.model.path, the Hugging Face "
            "directory of such a model"
        )
