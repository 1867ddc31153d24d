"""Algorithms by the names that the field has for them, each a choice of parts that a configuration can change."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from astra_jax.rl.algorithms.advantages import ADVANTAGES
from astra_jax.rl.algorithms.means import LossMean, over_a_constant, over_sequences, over_tokens
from astra_jax.rl.algorithms.policy_gradient import PolicyGradient
from astra_jax.rl.surrogates import SURROGATES
from astra_jax.training.settings import BadSetting, choose

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


@dataclass(frozen=True)
class Parts:
    """What a named algorithm is made of; the fields are those of the configuration that change it."""

    advantage: str = "normalised"  # of `ADVANTAGES`
    loss_mean: str = "token"  # token, sequence or constant
    surrogate: str = "ppo"  # of `SURROGATES`
    clip_low: float = 0.2  # the ratio is clipped to [1 - clip_low, 1 + clip_high]
    clip_high: float = 0.2


# Clip bounds are those of the papers where these state them (docs/algorithms.md).
ALGORITHMS = {
    "grpo": Parts(),
    "dr_grpo": Parts("centred", "constant"),
    "dapo": Parts(clip_high=0.28),
    "gspo": Parts(loss_mean="sequence", surrogate="gspo", clip_low=3e-4, clip_high=4e-4),
    "cispo": Parts(surrogate="cispo", clip_low=1.0, clip_high=4.0),
    "rloo": Parts("leave_one_out", "constant"),
    "reinforce_pp": Parts("whitened"),
    "reinforce_pp_baseline": Parts("centred_whitened"),
}


def parts_of(config: Config) -> Parts:
    """The parts of `config.algorithm`, where the configuration does not name others.

    Raises:
        BadSetting: an unknown name, or a bound that is none.
    """
    named = choose("algorithm", config.algorithm, ALGORITHMS)
    changed = {name: config[name] for name in asdict(named) if config[name] not in ("", None)}
    parts = replace(named, **changed)
    choose("advantage", parts.advantage, ADVANTAGES)
    choose("loss_mean", parts.loss_mean, _means(config))
    choose("surrogate", parts.surrogate, SURROGATES)
    for name in ("clip_low", "clip_high"):
        bound = getattr(parts, name)
        if not (isinstance(bound, int | float) and bound >= 0):
            raise BadSetting(f"config.{name} is {bound!r}: it is how far the ratio may be from 1, at least 0")
    return parts


def make_algorithm(config: Config) -> PolicyGradient:
    """The algorithm that a configuration asks for. Raises as `parts_of`."""
    parts = parts_of(config)
    return PolicyGradient(
        ADVANTAGES[parts.advantage], _means(config)[parts.loss_mean], config.min_spread, config.mask_cut_off
    )


def _means(config: Config) -> dict[str, LossMean]:
    return {
        "token": over_tokens,
        "sequence": over_sequences,
        "constant": over_a_constant(config.dr_grpo_tokens),
    }
