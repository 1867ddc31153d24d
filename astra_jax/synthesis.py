"""`astra synth`: arenas as a configuration asks for them, and SFT rows from arenas."""

from __future__ import annotations

from pathlib import Path

from ml_collections import ConfigDict
from rich.console import Console

from astra_jax.configuration import BadConfig
from data_synthesis.arenas import oracle_trajectory
from data_synthesis.environments import Settings, generate_arenas, synthesise_arenas
from data_synthesis.records import Arena, read_records, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox, Sandbox
from data_synthesis.teacher.procedural import DOMAINS, HELD_OUT, TRAINING, Options
from data_synthesis.teacher.transcript import TranscriptTeacher


def synthesise(config: ConfigDict, console: Console) -> int:
    """Writes proved arenas to `config.out_dir`. Returns 0, or 1 where no arena was accepted."""
    out_dir = Path(config.out_dir)
    with LocalSandbox(ConfinementLevel[config.sandbox_level]) as sandbox:
        console.print(sandbox.describe())
        if config.teacher == "procedural":
            accepted = len(
                generate_arenas(
                    out_dir / "arenas.jsonl",
                    config.count,
                    seed=config.seed,
                    domains=_domains(config.domains),
                    options=Options(**config.options),
                    sandbox=sandbox,
                    console=console,
                )
            )
        elif config.teacher == "transcript":
            teacher = TranscriptTeacher(config.transcripts) if config.transcripts else TranscriptTeacher()
            settings = Settings(minimum_score=config.minimum_score)
            funnel = synthesise_arenas(
                teacher.questions(), teacher, sandbox, out_dir, settings=settings, console=console
            )
            accepted = funnel.outputs
        else:
            raise BadConfig(f"unknown teacher {config.teacher!r}; known: procedural, transcript")
    console.print(f"{accepted} proved arenas in {out_dir / 'arenas.jsonl'}")
    return 0 if accepted else 1


def write_oracle_rows(arenas: str | Path, out: str | Path, sandbox: Sandbox, *, seed: int) -> int:
    """Plays the gold calls of each arena of a JSONL file and writes the trajectories. Returns their count.

    Raises:
        BadRecord: a line is no arena.
        ValueError: the gold calls of an arena do not solve it.
    """
    rows = (oracle_trajectory(arena, sandbox, seed=seed) for arena in read_records(arenas, Arena))
    return write_records(out, rows)


def _domains(names: str) -> tuple[str, ...]:
    sets = {"training": TRAINING, "held_out": HELD_OUT, "all": tuple(DOMAINS)}
    chosen = sets.get(names) or tuple(name.strip() for name in names.split(","))
    unknown = [name for name in chosen if name not in DOMAINS]
    if unknown:
        raise BadConfig(f"there is no domain {unknown[0]!r}; the domains are {', '.join(DOMAINS)}")
    return chosen
