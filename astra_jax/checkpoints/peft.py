"""Adapters as directories that Hugging Face's `peft` loads over the model that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from astra_jax.checkpoints.companions import copy_tokenizer, require_tokenizer, write_json
from astra_jax.checkpoints.gather import tensors_of
from astra_jax.checkpoints.layout import Layout
from astra_jax.checkpoints.new_directory import new_directory, refuse_existing, require_space
from astra_jax.checkpoints.safetensors_file import NewTensor, write_file
from astra_jax.checkpoints.together import on_first_process, write_on_first_process
from astra_jax.models import Transformer
from astra_jax.models.families import find_family
from astra_jax.models.low_rank import linears

_PREFIX = "base_model.model."
_WEIGHTS = "adapter_model.safetensors"


def export_adapter(
    model: Transformer,
    out_dir: str | Path,
    *,
    base: str | Path,
    tokenizer_dir: str | Path,
    chat_template: str | None = None,
) -> Path:
    """Writes the adapters of `model` (`low_rank.attach`) in float32; the directory appears complete or not at all.

    Where several processes share the model, all must call this: the first writes.

    Args:
        base: the Hugging Face directory or name of the model, as the adapter's configuration will have it.
        tokenizer_dir, chat_template: as `hf.export_model`.

    Raises:
        CheckpointError: `tokenizer_dir` has no `tokenizer.json`; the disk has too little space.
        FileExistsError: `out_dir` is there already.
    """
    out_dir, tokenizer_dir = Path(out_dir), Path(tokenizer_dir)
    tensors, modules = _tensors(model)
    adapters = [linear.low_rank for _, linear in linears(model) if linear.low_rank is not None]
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": adapters[0].rank,
        "lora_alpha": adapters[0].alpha,
        "lora_dropout": 0.0,
        "target_modules": modules,
        "bias": "none",
        "inference_mode": True,
    }

    def check() -> None:
        require_tokenizer(tokenizer_dir)
        refuse_existing(out_dir)
        require_space(out_dir, sum(tensor.nbytes for tensor in tensors))

    def write(tensors: Sequence[NewTensor]) -> None:
        with new_directory(out_dir) as partial_dir:
            write_json(partial_dir / "adapter_config.json", config)
            copy_tokenizer(tokenizer_dir, partial_dir, chat_template)
            write_file(partial_dir / _WEIGHTS, tensors)

    on_first_process(check)
    write_on_first_process(write, tensors)
    return out_dir


def _tensors(model: Transformer) -> tuple[list[NewTensor], list[str]]:
    """The tensors of all adapters, and the names of the modules that have one (`q_proj`)."""
    names = find_family(model.config.family).tensors
    tensors: list[NewTensor] = []
    modules: set[str] = set()
    for path, linear in linears(model):
        if linear.low_rank is None:
            continue
        module = names[f"layers.{path.replace('/', '.')}.weight"].removesuffix(".weight")
        modules.add(module.rsplit(".", 1)[1])
        for side, factor in (("A", linear.low_rank.a), ("B", linear.low_rank.b)):
            template = f"{_PREFIX}{module}.lora_{side}.weight"
            layout = Layout(template, ("layers",), tuple(factor.shape), factor.inputs)
            tensors += tensors_of(layout, factor.get_value(), "float32")
    return tensors, sorted(modules)
