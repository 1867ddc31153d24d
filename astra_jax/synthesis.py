"""`astra synth`: arenas as a configuration asks for them, and SFT rows from arenas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.training.settings import BadSetting, choose
from data_synthesis.arenas import oracle_trajectories
from data_synthesis.environments import STEPS, Recipe, Settings, generate_arenas, synthesise_arenas
from data_synthesis.pipeline import Policy
from data_synthesis.records import Arena, Question, read_records, write_records
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
    teacher = TranscriptTeacher(config.transcripts) if config.transcripts else TranscriptTeacher()
    return _through_steps(config, teacher.questions(), teacher, sandbox, console)


def _from_server(config: Config, sandbox: Sandbox, console: Console) -> int:
    if not config.questions:
        raise BadSetting("config.questions is empty: name a JSONL file of questions")
    # Imported here: only this teacher needs the extra.
    from data_synthesis.teacher.server import ServerSettings, ServerTeacher, usage_table

    teacher = ServerTeacher(ServerSettings(**config.server), Path(config.out_dir) / "teacher.sqlite")
    try:
        return _through_steps(config, read_records(config.questions, Question), teacher, sandbox, console)
    finally:
        console.print(usage_table(teacher.usage()))


def _through_steps(
    config: Config, questions: Iterable[Question], teacher: Teacher, sandbox: Sandbox, console: Console
) -> int:
    return synthesise_arenas(
        questions,
        teacher,
        sandbox,
        config.out_dir,
        from_step=config.from_step,
        to_step=config.to_step,
        settings=Settings(minimum_score=config.minimum_score),
        policy=Policy(concurrency=config.records_at_once),
        console=console,
    ).outputs


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
