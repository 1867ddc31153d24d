"""What a configuration of RL says: what is wrong with it, and what its folder keeps of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import jax
from jax.sharding import Mesh

from astra_jax.inference.checkpoint import DTYPES, episode_format
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.episodes import EpisodeLimits
from astra_jax.models.config import Remat
from astra_jax.rl.alarms import Limits
from astra_jax.rl.algorithms import ALGORITHMS, make_algorithm, parts_of
from astra_jax.rl.batches import Batches
from astra_jax.rl.handover import divided
from astra_jax.rl.rewards import make_rewards
from astra_jax.rl.step import make_objective
from astra_jax.sharding import RULES, make_mesh
from astra_jax.training.optimizer import OptimizerConfig
from astra_jax.training.settings import BadSetting, check_least, check_shares, choose, part_of
from data_synthesis.sandbox import ConfinementLevel

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

# What fields were, in effect, in runs from before there were such fields: these can be gone on with.
_BEFORE: dict[str, Any] = {
    "mask_cut_off": False,
    "async_steps": 0,
    "in_flight_updates": False,
    "sources": [],
    "curriculum": {"rest_easy": 0, "rest_hard": 0},
    "rollout_only": False,
    "train_only": "",
    "exact_refill": False,
    "simulated": {"token_s": 0.0, "update_s": 0.0},
    "decoupled": False,
    "correction": {
        "token": "none",
        "tis_cap": 2.0,
        "icepop_low": 0.5,
        "icepop_high": 5.0,
        "sequence": "none",
        "sequence_low": 0.99,
        "sequence_high": 1.01,
    },
    "kl_coefficient": 0.0,
    "kl_estimator": "k3",
    "entropy_coefficient": 0.0,
    "rewards": {
        "f1": 1.0,
        "recall": 0.0,
        "precision": 0.0,
        "format": 0.0,
        "length": 0.0,
        "length_buffer": 0.2,
        "functions": "",
        "deadline_s": 30.0,
        "at_once": 1,
        "most_failed": 0.5,
    },
}

_LEAST = {
    "steps": 0,
    "groups_per_batch": 1,
    "round_groups": 1,
    "max_rounds": 1,
    "max_age": 0,
    "async_steps": 0,
    "curriculum.rest_easy": 0,
    "curriculum.rest_hard": 0,
    "engine_devices": 0,
    "engine_tensor": 1,
    "servers.keep": 1,
    "servers.deadline_s": 0.001,
    "servers.update_s": 0.001,
    "servers.patience_s": 0.001,
    "micro_rows": 1,
    "logits_chunk": 0,
    "checkpoint_every": 1,
    "keep": 1,
    "samples_every": 1,
    "simulated.token_s": 0,
    "simulated.update_s": 0,
}


def resolved(config: Config) -> dict[str, Any]:
    """The configuration as a run's folder keeps it: with the parts that its algorithm stands for."""
    return config.to_dict() | asdict(parts_of(config))


def before(config: Config) -> dict[str, Any]:
    """The fields that a folder of an earlier release may lack, with what they were there.

    Its algorithm's own parts, which nothing could replace. A prompt had the whole context.
    """
    parts = asdict(ALGORITHMS[config.algorithm])
    own = {name: parts[name] for name in ("advantage", "loss_mean", "surrogate")}
    prompt = max(EpisodeLimits.max_prompt_tokens, config.engine.context)
    return _BEFORE | own | {"limits": {"max_prompt_tokens": prompt}}


def check(config: Config) -> None:
    """Raises `BadSetting` about what is wrong with a configuration, before anything is loaded."""
    sandbox_level(config)
    make_algorithm(config)
    make_objective(config)
    make_rewards(config)
    part_of(config, "alarms", Limits)
    part_of(config, "optimizer", OptimizerConfig)
    part_of(config, "limits", EpisodeLimits)
    part_of(config, "engine", EngineSize)
    episode_format(config.chat_format, config.model)
    choose("compute_dtype", config.compute_dtype, dict.fromkeys(DTYPES))
    choose("remat", config.remat, dict.fromkeys(get_args(Remat)))
    check_least(config, _LEAST)
    check_shares(config, "rewards.most_failed")
    if config.group_size < 2:
        raise BadSetting(f"config.group_size is {config.group_size}: a group needs episodes to compare")
    if config.in_flight_updates and not config.async_steps:
        raise BadSetting(
            "config.in_flight_updates is True and config.async_steps is 0: on-policy, no episode is under way when "
            "weights change"
        )
    if not config.temperature > 0:
        raise BadSetting(
            f"config.temperature is {config.temperature}: it is above 0, as a greedy policy explores nothing"
        )
    if config.servers.urls and config.engine_devices:
        raise BadSetting(
            f"config.engine_devices is {config.engine_devices}, and config.servers.urls are given: servers sample on "
            "devices of their own"
        )
    on_the_same = not (config.servers.urls or config.engine_devices)
    if config.async_steps and config.engine_tensor > 1 and on_the_same:
        raise BadSetting(
            f"config.engine_tensor is {config.engine_tensor}: an engine over several devices cannot sample beside an "
            "update on them (config.async_steps), as each would wait for the other; use engine_devices, servers, or "
            "engine_tensor 1"
        )
    if config.train_only and config.engine_devices:
        raise BadSetting(
            f"config.engine_devices is {config.engine_devices}, and config.train_only is given: nothing is sampled"
        )
    if config.simulated.token_s and (config.servers.urls or config.train_only):
        raise BadSetting(
            f"config.simulated.token_s is {config.simulated.token_s}, and config.servers.urls or config.train_only are "
            "given: a simulated engine takes the place of any other"
        )
    if config.simulated.update_s and not config.rollout_only:
        raise BadSetting(
            f"config.simulated.update_s is {config.simulated.update_s} and config.rollout_only is False: a simulated "
            "update moves no weight"
        )
    if config.rollout_only and config.train_only:
        raise BadSetting(
            "config.rollout_only and config.train_only are both given: nothing would be left to do"
        )
    if config.train_only:
        Batches(Path(config.train_only)).check(config.steps)
    if config.row_length < config.engine.context:
        raise BadSetting(
            f"config.row_length is {config.row_length}: a row must hold an episode, which can have "
            f"config.engine.context = {config.engine.context} tokens"
        )


def training_mesh(config: Config, devices: Sequence[Any] | None = None) -> Mesh:
    """That of an update, of the devices given or all that there are. Raises as `divided` and `make_mesh`."""
    training, _ = divided(config.engine_devices, jax.devices() if devices is None else devices)
    return make_mesh(**config.mesh, devices=training)


def check_mesh(config: Config) -> None:
    """Says whether rows divide over the devices that train. Raises as `training_mesh`, too."""
    mesh = training_mesh(config)
    parts = math.prod(mesh.shape[axis] for axis in RULES["batch"])
    if config.micro_rows % parts:
        raise BadSetting(
            f"config.micro_rows is {config.micro_rows}: rows are split over {parts} devices "
            f"(mesh axes {', '.join(RULES['batch'])})"
        )


def sandbox_level(config: Config) -> ConfinementLevel:
    """The least confinement that a run accepts. Raises `BadSetting`."""
    return choose("sandbox_level", config.sandbox_level, ConfinementLevel.__members__)
