"""What a run of SFT makes of what it has trained: a whole model, or an adapter for PEFT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from astra_jax.checkpoints.hf import export_model
from astra_jax.checkpoints.parameters import read_into
from astra_jax.checkpoints.peft import export_adapter
from astra_jax.models import Transformer
from astra_jax.models.low_rank import Adapter, merge
from astra_jax.models.parameter import named_parameters
from astra_jax.sft.lora import freeze
from astra_jax.sft.model import load_model
from astra_jax.sft.settings import chat_format
from astra_jax.sharding import make_mesh
from astra_jax.tokens import Tokenizer
from astra_jax.training.run_model import run_config, saved_state

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def export(
    config: Config,
    model: Transformer,
    out_dir: Path,
    tokenizer_dir: Path,
    chat_template: str,
    dtype: str | None = None,
) -> None:
    """Writes what a run trained: a whole model, or the adapter of one. `model` is used up.

    Args:
        dtype: of a whole model's tensors; None: as they are. Adapters are float32.
    """
    if config.lora.rank and config.lora.export == "adapter":
        base = Path(config.model.path).resolve()
        export_adapter(model, out_dir, base=base, tokenizer_dir=tokenizer_dir, chat_template=chat_template)
        return
    merge(model)
    export_model(model, out_dir, tokenizer_dir=tokenizer_dir, chat_template=chat_template, dtype=dtype)


def export_step(
    run_dir: Path, step: int | None, out_dir: Path, *, start: Path | None = None, dtype: str | None = None
) -> int:
    """Writes the adapters of a step that was kept as the run itself writes its last ones; returns the step.

    Args:
        step: None: the latest.
        start: the directory that the run started from, if it is no longer where the run's configuration says.
        dtype: see `export`.

    Raises:
        CheckpointError: this is no folder of a run, or what it started from is not there.
        FileNotFoundError: nothing is kept of this step.
    """
    config: Config = ConfigDict(dict(run_config(run_dir)))
    found, state = saved_state(run_dir, step)
    config.model.path = str(start or config.model.path)
    tokenizer, mesh = Tokenizer(config.tokenizer or config.model.path), make_mesh()
    model = load_model(config, tokenizer, mesh)
    freeze(config, model, mesh)
    read_into(state, {name: p for name, p in named_parameters(model) if isinstance(p, Adapter)}, mesh=mesh)
    export(config, model, out_dir, tokenizer.directory, chat_format(config).template_for(tokenizer), dtype)
    return found
