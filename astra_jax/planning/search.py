"""Plans of changed configurations: the largest batch that fits, what to change when none does, and the sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, get_args

from astra_jax.models.config import Remat
from astra_jax.planning.plan import Plan, make_plan
from astra_jax.planning.programs import serves
from astra_jax.planning.topology import Slice
from astra_jax.sharding import RULES, ShardingError
from astra_jax.training.settings import BadSetting

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know
Changes = dict[str, Any]  # key of the configuration -> value


@dataclass(frozen=True)
class Trial:
    """A configuration that was changed and compiled; `plan` is None where the mesh does not divide the model."""

    changes: Changes
    plan: Plan | None
    problem: str = ""

    @property
    def fits(self) -> bool:
        return self.plan is not None and self.plan.fits

    def words(self) -> str:
        return " ".join(f"--config.{key}={value}" for key, value in self.changes.items())

    def as_json(self) -> dict[str, Any]:
        return {"changes": self.changes, "plan": self.plan and self.plan.as_json(), "problem": self.problem}


def try_changes(
    kind: str, config: Config, where: Slice, changes: Changes, *, memory_only: bool = True
) -> Trial:
    """Compiles the configuration with some fields changed."""
    changed = config.copy_and_resolve_references().unlock()
    for key, value in changes.items():
        *parents, name = key.split(".")
        node = changed
        for parent in parents:
            node = node[parent]
        node[name] = value
    try:
        return Trial(changes, make_plan(kind, changed, where, memory_only=memory_only))
    except (ShardingError, BadSetting, ValueError) as error:
        return Trial(changes, None, str(error))


def largest_batch(kind: str, plan: Plan, config: Config, where: Slice) -> Iterator[Trial]:
    """Doubles what is on the devices at one time until it does not fit, then halves the gap; the last trial that fits
    is the largest.

    Args:
        plan: of `config`, which fits.
    """
    field, unit = _batch_field(kind, plan)
    at_once = config_value(config, field) // (config.micro_batches if kind == "sft" else 1)
    fits, too_large = at_once // unit, None
    while too_large is None or too_large - fits > 1:
        middle = 2 * fits if too_large is None else (fits + too_large) // 2
        trial = try_changes(kind, config, where, _rows(kind, config, field, middle * unit))
        yield trial
        fits, too_large = (middle, too_large) if trial.fits else (fits, middle)


def remedies(kind: str, config: Config, where: Slice) -> Iterator[Trial]:
    """Changes that may make a plan fit, each compiled: one alone, then all together, up to the first that fits.

    They cost little first: a smaller chunk of logits costs no arithmetic, more micro-batches gather weights more
    often, a stronger remat policy computes more again, another mesh communicates more.
    """
    gathered: Changes = {}
    for changes in _options(kind, config, where):
        trial = try_changes(kind, config, where, changes)
        yield trial
        if trial.fits:
            return
        if trial.plan is not None and not any(key.startswith("mesh.") for key in changes):
            gathered |= changes
    if len(gathered) > 1:
        yield try_changes(kind, config, where, gathered)


def sweep(kind: str, config: Config, where: Slice) -> Iterator[Trial]:
    """Every mesh that may make sense with every remat policy."""
    meshes = list(_meshes(config, where))
    policies = get_args(Remat) if kind in ("sft", "rl") else (None,)
    for mesh, policy in product(meshes, policies):
        changes = mesh | ({_remat(kind): policy} if policy else {})
        yield try_changes(kind, config, where, changes, memory_only=False)


def pareto_front(trials: list[Trial]) -> list[Trial]:
    """The trials that no other beats both in memory at the peak and in estimated time, fastest first."""
    fitting = sorted((t for t in trials if t.fits), key=lambda t: (t.plan.seconds, _peak(t)))  # pyright: ignore[reportOptionalMemberAccess]
    front: list[Trial] = []
    for trial in fitting:
        if not front or _peak(trial) < _peak(front[-1]):
            front.append(trial)
    return front


def config_value(config: Config, key: str) -> Any:
    for name in key.split("."):
        config = config[name]
    return config


def _peak(trial: Trial) -> int:
    return trial.plan.result.memory.peak  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]


def _options(kind: str, config: Config, where: Slice) -> Iterator[Changes]:
    if kind in ("sft", "rl"):
        if config.logits_chunk == 0 or config.logits_chunk > 256:
            yield {"logits_chunk": 256}
        policies = get_args(Remat)  # each keeps less than the one before it
        now = policies.index(config_value(config, _remat(kind)))
        yield from ({_remat(kind): policy} for policy in policies[now + 1 :])
        if kind == "sft":
            yield from ({"micro_batches": config.micro_batches * n} for n in (2, 4, 8))
    if kind != "sft" and not (kind == "rl" and config.engine_devices):
        yield from ({"engine.slots": config.engine.slots // n} for n in (2, 4) if config.engine.slots >= n)
    if kind in ("prefill", "decode") and not serves(config):
        yield from ({"engine_tensor": config.engine_tensor * n} for n in (2, 4))
        return
    yield from _meshes(config, where)


def _meshes(config: Config, where: Slice) -> Iterator[Changes]:
    """Slices of 1 to 8 along tensor and context, the rest fully sharded."""
    devices = (where.num_devices - config.get("engine_devices", 0)) // where.count
    for tensor, context in product((1, 2, 4, 8), repeat=2):
        if tensor * context > 8 or devices % (tensor * context):
            continue
        rest = devices // (tensor * context)
        sizes = {"data": where.count, "fsdp": rest, "expert": 1, "context": context, "tensor": tensor}
        if serves(config):  # an engine keeps whole weights, or slices along tensor
            sizes |= {"data": rest * where.count, "fsdp": 1}
        yield {f"mesh.{axis}": size for axis, size in sizes.items()}


def _remat(kind: str) -> str:
    return "model.remat" if kind == "sft" else "remat"


def _batch_field(kind: str, plan: Plan) -> tuple[str, int]:
    """The field that says how much is on the devices at one time, and the least that it can grow by."""
    parts = prod(plan.program.mesh.shape[axis] for axis in RULES["batch"])
    return {"sft": ("batch_rows", parts), "rl": ("micro_rows", parts)}.get(kind, ("engine.slots", parts))


def _rows(kind: str, config: Config, field: str, value: int) -> Changes:
    """The change that puts `value` rows on the devices in the micro-batches that there are."""
    return {field: value * config.micro_batches} if kind == "sft" else {field: value}
