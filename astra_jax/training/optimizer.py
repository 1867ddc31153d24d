"""AdamW, Adafactor or Muon, with warm-up, a schedule, clipping, and weight decay chosen by parameter path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from astra_jax.training.rules import match
from astra_jax.training.settings import check_least, check_shares, choose
from astra_jax.training.state import logical_axes, trained_kind

Group = Literal["matrix", "embedding", "vector"]
Name = Literal["adamw", "adafactor", "muon"]
Schedule = Literal["constant", "linear", "cosine"]

# First match wins; paths are those of `astra_jax.models`.
DEFAULT_GROUPS: tuple[tuple[str, Group], ...] = (
    (r".*norm/scale", "vector"),
    (r".*/bias", "vector"),
    (r"(un)?embedding", "embedding"),
    (r"layers/.*/low_rank/[ab]", "matrix"),
    (r"layers/.*/weight", "matrix"),
)

_STACK_AXES = ("layers", "experts")  # a matrix for each index
_MODEL_AXES = ("embed", "expert_embed")


@dataclass(frozen=True)
class OptimizerConfig:
    """Rates are per step. Muon takes the `matrix` parameters, Adafactor these and the tables, AdamW all others.

    Raises:
        BadSetting: an unknown name or schedule, or a number out of its bounds.
    """

    learning_rate: float  # peak
    name: Name = "adamw"
    schedule: Schedule = "cosine"
    warmup_fraction: float = 0.05  # of all steps
    final_fraction: float = 0.0  # learning rate just after the last step, as a fraction of the peak
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0  # of matrices; never of norms and biases
    embedding_weight_decay: float = 0.0
    clip_norm: float = 1.0  # global norm of the gradient; 0 does not clip
    muon_momentum: float = 0.95
    groups: tuple[tuple[str, Group], ...] = DEFAULT_GROUPS

    def __post_init__(self) -> None:
        choose("name", self.name, dict.fromkeys(get_args(Name)), within="")
        choose("schedule", self.schedule, dict.fromkeys(get_args(Schedule)), within="")
        check_least(vars(self), _LEAST, within="")
        check_shares(vars(self), "warmup_fraction", "final_fraction", within="")
        # What a mean over all steps is divided by, to begin with, is 1 less its decay to the power of the steps.
        check_shares(vars(self), "beta1", "beta2", "muon_momentum", below_one=True, within="")


_LEAST = {
    "learning_rate": 0,
    "weight_decay": 0,
    "embedding_weight_decay": 0,
    "clip_norm": 0,
    "epsilon": 1e-30,  # with 0, a gradient of 0 divides by 0
}


@dataclass(frozen=True)
class Optimizer:
    """An optax transformation with a rate of 1, and the learning rate of each step (counted from 0).

    The rate is a function of the run's step, not of a count kept by the transformation: that one does not see a
    step that had nothing to learn from.
    """

    transform: optax.GradientTransformation
    learning_rate: optax.Schedule

    def update(self, grads: Any, opt_state: Any, params: Any, step: jax.Array) -> tuple[Any, Any]:
        """What to add to `params` at a step, and the transformation's next state."""
        updates, opt_state = self.transform.update(grads, opt_state, params)
        rate = jnp.asarray(self.learning_rate(step))
        return jax.tree.map(lambda update: rate.astype(update.dtype) * update, updates), opt_state


def make_optimizer(config: OptimizerConfig, steps: int, model: nnx.Module) -> Optimizer:
    """The optimizer of a run of `steps` updates on the trained parameters of `model` (which may be abstract).

    Raises:
        ValueError: a parameter that no rule of `config.groups` matches.
    """
    axes = logical_axes(model, trained_kind(model))
    groups = match(config.groups, jax.tree.map(lambda a: 0, axes, is_leaf=_is_axes))
    transforms: dict[Any, Any] = {
        "matrix": _matrix_transform(config, axes),
        "embedding": _table_transform(config),
        "vector": _adamw(config, 0.0),
    }
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm > 0 else optax.identity()
    return Optimizer(optax.chain(clip, optax.partition(transforms, groups)), learning_rate(config, steps))


def learning_rate(config: OptimizerConfig, steps: int) -> optax.Schedule:
    """Linear warm-up to the peak, then the schedule down to its final value, due just after the last step."""
    peak, final = config.learning_rate, config.learning_rate * config.final_fraction
    warmup = max(1, round(config.warmup_fraction * steps))
    rest = max(1, steps - warmup + 1)
    after = {
        "constant": optax.constant_schedule(peak),
        "linear": optax.linear_schedule(peak, final, rest),
        "cosine": optax.cosine_decay_schedule(peak, rest, config.final_fraction),
    }
    # Step 0 already learns: the ramp ends at the peak on step `warmup - 1`.
    ramp = optax.linear_schedule(peak / warmup, peak, max(1, warmup - 1))
    return optax.join_schedules([ramp, after[config.schedule]], [warmup - 1])


def _adamw(config: OptimizerConfig, decay: float) -> optax.GradientTransformation:
    return optax.adamw(
        1.0, b1=config.beta1, b2=config.beta2, eps=config.epsilon, weight_decay=decay, mu_dtype=jnp.float32
    )


def _adafactor(decay: float) -> optax.GradientTransformation:
    """No mean of gradients; of their squares, means over each of a weight's two largest axes (arXiv 1804.04235).

    Updates are not scaled by the weights' own size, and are clipped to a root mean square of 1: they are as large as
    AdamW's, and one learning rate serves both.
    """
    return optax.adafactor(1.0, multiply_by_parameter_scale=False, weight_decay_rate=decay or None)


def _table_transform(config: OptimizerConfig) -> optax.GradientTransformation:
    decay = config.embedding_weight_decay
    return _adafactor(decay) if config.name == "adafactor" else _adamw(config, decay)


def _matrix_transform(config: OptimizerConfig, axes: Any) -> optax.GradientTransformation:
    if config.name == "adamw":
        return _adamw(config, config.weight_decay)
    if config.name == "adafactor":
        return _adafactor(config.weight_decay)
    return optax.contrib.muon(
        1.0,
        beta=config.muon_momentum,
        weight_decay=config.weight_decay,
        # Updates of AdamW's size, so that one learning rate serves both (arXiv 2502.16982, section 2.2).
        consistent_rms=0.2,
        muon_weight_dimension_numbers=lambda params: _matrix_sides(params, axes),
    )


def _matrix_sides(params: Any, axes: Any) -> Any:
    """Each weight as a stack of matrices: the model axis on one side, its other axes on the other."""

    def sides(path: tuple, _: Any) -> optax.contrib.MuonDimensionNumbers:
        names = axes
        for key in path:
            names = names[key.key]
        model = next(i for i, name in enumerate(names) if name in _MODEL_AXES)
        rest = tuple(i for i, name in enumerate(names) if i != model and name not in _STACK_AXES)
        return optax.contrib.MuonDimensionNumbers((model,), rest)

    return jax.tree_util.tree_map_with_path(sides, params)


def _is_axes(value: Any) -> bool:
    return isinstance(value, tuple)
