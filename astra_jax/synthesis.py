"""`astra synth`: arenas as a configuration asks for them, and SFT rows from arenas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.training.settings import BadSetting, choose
from data_synthesis.arenas import oracle_trajectories
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.environments import (
    STEPS,
    Budget,
    Recipe,
    SeedPlan,
    Settings,
    generate_arenas,
    read_seeds,
    synthesise_arenas,
)
from data_synthesis.environments.workers import Workers
from data_synthesis.interop import enter_pipeline
from data_synthesis.pipeline import Policy, RayCluster
from data_synthesis.records import Arena, BadRecord, Seed, read_records, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox, Sandbox
from data_synthesis.teacher.interface import Teacher
from data_synthesis.teacher.procedural import DOMAINS, HELD_OUT, TRAINING, Options
from data_synthesis.teacher.transcript import TranscriptTeacher

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def synthesise(config: Config, console: Console) -> int:
    """Writes proved arenas to `config.out_dir`. Returns 0, or 1 where no arena was accepted.

    Raises:
        BadSetting: a value of the configuration cannot be used.
        PipelineError: the steps cannot go on; what was settled is kept.
        SandboxUnavailable: the sandbox offers less confinement than `config.sandbox_level`.
    """
    makers = {"procedural": _generate, "transcript": _from_transcripts, "server": _from_server}
    make = choose("teacher", config.teacher, makers)
    level = choose("sandbox_level", config.sandbox_level, ConfinementLevel.__members__)
    with LocalSandbox(level) as sandbox:
        console.print(sandbox.describe())
        accepted = make(config, sandbox, console)
    if config.teacher != "procedural" and config.to_step != STEPS[-1]:
        console.print(f"{accepted} records after step {config.to_step}, in {Path(config.out_dir) / 'steps'}")
    else:
        console.print(f"{accepted} proved arenas in {Path(config.out_dir) / 'arenas.jsonl'}")
    return 0 if accepted else 1


def _generate(config: Config, sandbox: Sandbox, console: Console) -> int:
    recipe = Recipe(config.count, config.seed, _domains(config.domains), _options(config.options))
    path = Path(config.out_dir) / "arenas.jsonl"
    return generate_arenas(path, recipe, minimum=sandbox.level, console=console)


def _from_transcripts(config: Config, sandbox: Sandbox, console: Console) -> int:
    make = partial(TranscriptTeacher, config.transcripts) if config.transcripts else TranscriptTeacher
    teacher = make()
    return _through_steps(config, teacher.seeds(), teacher, make, sandbox, console)


def _from_server(config: Config, sandbox: Sandbox, console: Console) -> int:
    seeds = _seeds(config, console)
    try:  # here, as only this teacher needs the extra
        from data_synthesis.teacher.server import ServerSettings, ServerTeacher, usage_table
    except ModuleNotFoundError as error:
        raise BadSetting(
            f"a teacher on a server needs {error.name}: pip install 'astra-jax[synthesis]'"
        ) from error

    try:
        settings = ServerSettings(**config.server.to_dict())
    except ValueError as error:
        raise BadSetting(f"config.server: {error}") from error
    ledger = (Path(config.out_dir) / "teacher.sqlite").absolute()
    teacher = ServerTeacher(settings, ledger)
    spent = sum(each["cost"] for each in teacher.usage().values())
    shared = replace(settings, budget=_share(settings.budget, spent, max(config.ray.workers, 1)))
    try:
        make = partial(ServerTeacher, shared, ledger, shared=True)
        return _through_steps(config, seeds, teacher, make, sandbox, console)
    finally:
        console.print(usage_table(teacher.usage()))


def _share(budget: float, spent: float, workers: int) -> float:
    """What each of several teachers may spend so that they keep to `budget` together. Where nothing is left, next to
    nothing: 0 would be no bound."""
    return max((budget - spent) / workers, 1e-12) if budget > 0 else 0.0


def _through_steps(
    config: Config,
    seeds: Iterable[Seed],
    teacher: Teacher,
    make_teacher: Callable[[], Teacher],
    sandbox: Sandbox,
    console: Console,
) -> int:
    if config.entering:
        if config.from_step == STEPS[0]:
            raise BadSetting("config.entering enters after the first step: say which with --from STEP")
        count = enter_pipeline(config.entering, config.out_dir, config.from_step, console=console)
        console.print(f"{count} records of {config.entering} enter at {config.from_step}")
    with _workers(config, make_teacher, partial(LocalSandbox, sandbox.level)) as workers:
        return synthesise_arenas(
            seeds,
            teacher,
            sandbox,
            config.out_dir,
            from_step=config.from_step,
            to_step=config.to_step,
            settings=_settings(config),
            policy=_policy(config),
            console=console,
            workers=workers,
        ).outputs


@contextmanager
def _workers(
    config: Config, make_teacher: Callable[[], Teacher], make_sandbox: Callable[[], Sandbox]
) -> Iterator[Workers | None]:
    """The processes that do the steps, or none where this one does."""
    if not choose("executor", config.executor, {"local": False, "ray": True}):
        yield None
        return
    if config.ray.workers < 1:
        raise BadSetting(f"config.ray.workers must be 1 or more, not {config.ray.workers}")
    with RayCluster(config.ray.workers, Path(config.out_dir) / "ray.log", config.ray.address) as cluster:
        yield Workers(cluster, make_teacher, make_sandbox)


def _seeds(config: Config, console: Console) -> Iterable[Seed]:
    """The seeds of `config.seeds`, or none where the run begins with a later step."""
    if config.from_step != STEPS[0]:
        return ()
    if not config.seeds.path:
        raise BadSetting(
            "config.seeds.path is empty: name a file of questions, or of what config.seeds.mode takes"
        )
    fields: dict[str, Any] = dict(config.seeds) | {"path": Path(config.seeds.path)}
    skip = fields.pop("skip_bad_lines")
    try:
        plan = SeedPlan(**fields)
    except ValueError as error:
        raise BadSetting(f"config.seeds: {error}") from error
    bad: list[BadRecord] = []
    seeds = list(read_seeds(plan, rejects=bad if skip else None))
    for each in bad:
        console.print(f"skipped {each}", style="yellow", markup=False, soft_wrap=True)
    if not seeds:
        raise BadSetting(f"{config.seeds.path} gives no seed in mode {config.seeds.mode}")
    return seeds


def _policy(config: Config) -> Policy:
    try:
        return Policy(concurrency=config.records_at_once, deadline=config.record_deadline_s)
    except ValueError as error:
        raise BadSetting(f"config.records_at_once, config.record_deadline_s: {error}") from error


def _settings(config: Config) -> Settings:
    quantile = config.score_quantile if config.score_quantile >= 0 else None
    try:
        return Settings(
            attempts=config.attempts,
            minimum_score=config.minimum_score,
            score_quantile=quantile,
            budget=Budget(**config.budget),
            proof=ProofSettings(**config.proof),
            asked_with=_asked_with(config),
        )
    except ValueError as error:
        raise BadSetting(str(error)) from error


def _asked_with(config: Config) -> dict[str, Any]:
    """What a server's answers depend on beside model and prompt."""
    if config.teacher != "server":
        return {}
    server = config.server.to_dict()
    return {name: server[name] for name in ("answer", "temperature", "max_tokens", "extra_body")}


def write_oracle_rows(
    arenas: str | Path, out: str | Path, sandbox: Sandbox, *, seed: int, double_checks: float = 0.0
) -> int:
    """Plays the gold calls of each arena of a JSONL file and writes the trajectories. Returns their count.

    Args:
        double_checks: how likely the last call is made twice, as in `oracle_trajectory`.

    Raises:
        BadRecord: a line is no arena.
        UnsolvedArena: the gold calls of an arena do not solve it.
        InfrastructureFailure: the sandbox failed, or an arena's sources do not load.
    """
    read = read_records(arenas, Arena)
    return write_records(out, oracle_trajectories(read, sandbox, seed=seed, double_checks=double_checks))


def _domains(names: str) -> tuple[str, ...]:
    sets = {"training": TRAINING, "held_out": HELD_OUT, "all": tuple(DOMAINS)}
    chosen = sets.get(names) or tuple(name.strip() for name in names.split(","))
    unknown = [name for name in chosen if name not in DOMAINS]
    if unknown:
        raise BadSetting(f"there is no domain {unknown[0]!r}; the domains are {', '.join(DOMAINS)}")
    return chosen


def _options(values: Mapping[str, Any]) -> Options:
    try:
        return Options(**values)
    except ValueError as error:
        raise BadSetting(f"config.options: {error}") from error
