"""Rotary embeddings in `config.json`: transformers 5 has `rope_parameters`, 4 `rope_theta` and `rope_scaling`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from astra_jax.models.config import RopeScaling
from astra_jax.models.families.family import HFConfig

_THEIRS = {
    "factor": "factor",
    "original_positions": "original_max_position_embeddings",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "beta_fast": "beta_fast",
    "beta_slow": "beta_slow",
    "attention_factor": "attention_factor",
}
_USED = {
    "linear": ("factor",),
    "llama3": ("factor", "original_positions", "low_freq_factor", "high_freq_factor"),
    "yarn": ("factor", "original_positions", "beta_fast", "beta_slow", "attention_factor"),
}


def rope_of(hf: HFConfig) -> HFConfig:
    """The settings, where they are not by kind of layer; empty for the plain embedding of transformers 4."""
    return hf.get("rope_parameters") or hf.get("rope_scaling") or {}


def read_rope(rope: HFConfig, theta: float | None, positions: int | None) -> dict[str, Any]:
    """`rope_theta` and `rope_scaling`.

    Args:
        theta: where `rope` holds none.
        positions: of pre-training, where `rope` does not say.

    Raises:
        ValueError: a kind of scaling that is not implemented.
        KeyError: the scaling lacks a value.
    """
    fields: dict[str, Any] = {"rope_theta": float(rope.get("rope_theta") or theta or 10_000.0)}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return fields
    if kind not in _USED:
        raise ValueError(f"rope scaling {kind!r} is not supported; {', '.join(_USED)} are")
    given = {name: rope[_THEIRS[name]] for name in _USED[kind] if rope.get(_THEIRS[name]) is not None}
    if "original_positions" in _USED[kind] and positions:
        given.setdefault("original_positions", positions)
    return fields | {"rope_scaling": RopeScaling(kind, given.pop("factor"), **given)}


def write_rope(theta: float, scaling: RopeScaling | None) -> dict[str, Any]:
    """The value of `rope_parameters`; without its theta that of `rope_scaling`."""
    if scaling is None:
        return {"rope_theta": theta, "rope_type": "default"}
    ours = asdict(scaling)
    used = {_THEIRS[name]: ours[name] for name in _USED[scaling.kind] if ours[name] is not None}
    return {"rope_theta": theta, "rope_type": scaling.kind, **used}


def without_theta(rope: dict[str, Any]) -> dict[str, Any] | None:
    """The same for transformers 4, where null is the plain kind."""
    left = {key: value for key, value in rope.items() if key != "rope_theta"}
    return None if left["rope_type"] == "default" else left
