"""The model of a run at one of its checkpoints, without the run: to be exported or looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import load_config
from astra_jax.checkpoints.parameters import read_parameters
from astra_jax.models import ModelConfig, Transformer
from astra_jax.tokens.templates import FORMATS
from astra_jax.tokens.tokenizer import Tokenizer


@dataclass(frozen=True)
class RunModel:
    """`step` counts finished updates; `chat_template` is that of the run's chat format."""

    step: int
    model: Transformer
    tokenizer_dir: Path
    chat_template: str


def load_run_model(
    run_dir: str | Path, step: int | None = None, *, start: str | Path | None = None
) -> RunModel:
    """The weights of a run's folder (SFT or RL) at `step`, by default the latest; nothing else is read.

    Args:
        start: the directory that the run started from, if it is no longer where the run's configuration says.

    Raises:
        CheckpointError: this is no folder of a run, or what it started from is not there.
        FileNotFoundError: no checkpoint of this step.
    """
    run_dir = Path(run_dir)
    config = run_config(run_dir)
    if trains_adapters(config):
        raise CheckpointError(
            f"{run_dir} trains adapters: its checkpoints hold no whole model. `astra convert export` makes one."
        )
    found, state = saved_state(run_dir, step)
    tokenizer = Tokenizer(_tokenizer_dir(config, run_dir, start))
    shape = _shape(config, tokenizer, start)
    return RunModel(
        found,
        read_parameters(state, shape, param_dtype=None),
        Path(tokenizer.directory),
        FORMATS[config["chat_format"]].with_thinking(config.get("thinking", "keep")).template_for(tokenizer),
    )


def is_run(folder: str | Path) -> bool:
    return (Path(folder) / "checkpoints").is_dir()


def trains_adapters(config: Mapping[str, Any]) -> bool:
    """Whether a run of this configuration does, as `run_config` reads it."""
    return bool(config.get("lora", {}).get("rank"))


def saved_state(run_dir: str | Path, step: int | None = None) -> tuple[int, Path]:
    """The step, by default the latest, and where its weights are, among checkpoints and weights that were kept.

    Raises:
        FileNotFoundError: none are kept of this step.
    """
    run_dir = Path(run_dir)
    saved = [*run_dir.glob("weights/*/state"), *run_dir.glob("checkpoints/*/state")]
    # What a save that is under way, or was killed, has written has a longer name.
    states = {int(state.parent.name): state for state in saved if state.parent.name.isdigit()}
    steps = sorted(states)
    found = steps[-1] if step is None and steps else step
    if found not in states:
        raise FileNotFoundError(f"no checkpoint of step {found} in {run_dir}; steps: {steps}")
    return found, states[found]


def run_config(run_dir: str | Path) -> Mapping[str, Any]:
    """As the run's folder keeps it. Raises `CheckpointError`: this is no folder of a run."""
    try:
        config = json.loads((Path(run_dir) / "config.json").read_text("utf-8"))
        return {"model": config["model"], "chat_format": config["chat_format"]} | config
    except (FileNotFoundError, ValueError, KeyError):
        raise CheckpointError(f"{run_dir} is not the folder of an SFT or RL run.") from None


def _start(config: Mapping[str, Any], start: str | Path | None) -> str | Path:
    """Where the run's model was from; empty if it was drawn."""
    model = config["model"]
    return start or (model if isinstance(model, str) else model["path"])


def _tokenizer_dir(config: Mapping[str, Any], run_dir: Path, start: str | Path | None) -> str | Path:
    return start or config.get("tokenizer") or _start(config, None) or run_dir / "tokenizer"


def _shape(config: Mapping[str, Any], tokenizer: Tokenizer, start: str | Path | None) -> ModelConfig:
    if path := _start(config, start):
        return load_config(path)
    init: Mapping[str, Any] = config["model"]["init"]
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in init.items()}
    return ModelConfig(vocab_size=tokenizer.vocab_size, **sizes)
