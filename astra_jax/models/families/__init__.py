"""Families of models by Hugging Face's `model_type`; `docs/models.md` shows how to add one."""

from astra_jax.models.families.family import Family, HFConfig
from astra_jax.models.families.gemma3 import GEMMA3
from astra_jax.models.families.hf_config import UnsupportedModel, read_config, write_config
from astra_jax.models.families.llama import LLAMA
from astra_jax.models.families.qwen2 import QWEN2
from astra_jax.models.families.qwen3 import QWEN3
from astra_jax.models.families.qwen3_moe import QWEN3_MOE
from astra_jax.models.families.smollm3 import SMOLLM3

FAMILIES: dict[str, Family] = {
    family.model_type: family for family in (LLAMA, QWEN2, QWEN3, QWEN3_MOE, GEMMA3, SMOLLM3)
}

__all__ = ["FAMILIES", "Family", "HFConfig", "UnsupportedModel", "find_family", "read_config", "write_config"]


def find_family(model_type: str | None) -> Family:
    """
    Raises:
        UnsupportedModel: no such family.
    """
    if model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UnsupportedModel(f"Models of type {model_type!r} are not supported; those of {known} are.")
    return FAMILIES[model_type]
