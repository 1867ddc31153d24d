"""Layers that slide over a window, in the keys of `config.json`."""

from __future__ import annotations

from typing import Any

from astra_jax.models.config import ModelConfig
from astra_jax.models.families.family import HFConfig

FULL, SLIDING = "full_attention", "sliding_attention"


def read_sliding(hf: HFConfig, default: list[str]) -> dict[str, Any]:
    """`sliding_window` and `sliding_layers` by `layer_types`, or by `default` where the file has none.

    Raises:
        ValueError: a kind of layer that is neither.
    """
    kinds = hf.get("layer_types") or default
    if unknown := sorted(set(kinds) - {FULL, SLIDING}):
        raise ValueError(f"layers of type {unknown[0]!r} are not supported; {FULL!r} and {SLIDING!r} are")
    if SLIDING not in kinds:
        return {}
    window = hf["sliding_window"]
    return {"sliding_window": window, "sliding_layers": tuple(kind == SLIDING for kind in kinds)}


def write_sliding(config: ModelConfig) -> dict[str, Any]:
    return {
        "sliding_window": config.sliding_window or None,
        "layer_types": [SLIDING if kind.sliding else FULL for kind in config.layer_kinds],
    }


def read_upper_window(hf: HFConfig) -> dict[str, Any]:
    """Qwen's: where `use_sliding_window`, the layers from `max_window_layers` on."""
    layers = hf["num_hidden_layers"]
    first = hf.get("max_window_layers", 28) if hf.get("use_sliding_window") else layers
    return read_sliding(hf, [FULL] * min(first, layers) + [SLIDING] * max(layers - first, 0))


def write_upper_window(config: ModelConfig) -> dict[str, Any]:
    slides = [kind.sliding for kind in config.layer_kinds]
    first = slides.index(True) if any(slides) else config.num_layers
    return {"use_sliding_window": any(slides), "max_window_layers": first, **write_sliding(config)}
