"""`astra synth trajectories`: SFT rows as a configuration asks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.company import SharedCompany, asked_with, ledger_path, make_company, make_judge
from astra_jax.intake import take_in_servers
from astra_jax.training.settings import BadSetting, choose
from data_synthesis.pipeline import Policy, RayCluster
from data_synthesis.sandbox import ConfinementLevel
from data_synthesis.trajectories.build import STEPS, Settings, Spread, synthesise_trajectories
from data_synthesis.trajectories.cast import ROLES
from data_synthesis.trajectories.graph import GraphSettings, VerifySettings, WalkSettings
from data_synthesis.trajectories.judge import AcceptSettings, JudgeSettings, second_opinions
from data_synthesis.trajectories.runs.loop import RunSettings
from data_synthesis.trajectories.tasks import PlanSettings, ScoreSettings

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

_REHEARSED = "rehearsed"


def synthesise(config: Config, console: Console) -> int:
    """Writes rows to `config.out_dir`. Returns 0, or 1 where none was accepted.

    Raises:
        BadSetting: a value of the configuration cannot be used.
        BadRecord, BadRehearsal: a file of servers, persons or rehearsals is none.
        PipelineError: the steps cannot go on; what was settled is kept.
    """
    logging.getLogger("mcp").setLevel(
        logging.CRITICAL
    )  # banners and other noise of servers: sessions say what matters
    out_dir = Path(config.out_dir)
    settings, policy = _settings(config), _policy(config)
    if config.from_step == STEPS[0]:
        take_in_servers(config, out_dir / "servers.jsonl", console)
    plain = config.to_dict()
    with _spread(config) as spread:
        funnel = synthesise_trajectories(
            SharedCompany(plain, config.ray.workers) if spread else partial(make_company, plain),
            out_dir,
            from_step=config.from_step,
            to_step=config.to_step,
            settings=settings,
            policy=policy,
            drawn=config.graph.drawn,
            console=console,
            spread=spread,
        )
    print_usage(plain, console)
    where = out_dir / ("rows.jsonl" if config.to_step == STEPS[-1] else "steps")
    console.print(f"{funnel.outputs} records after step {config.to_step}, in {where}")
    return 0 if funnel.outputs else 1


def agree(config: Config, console: Console) -> int:
    """Judges a sample of the judged runs in `config.out_dir` again, and measures how far the two agree.

    Raises:
        BadSetting: a value of the configuration cannot be used, or nothing was judged yet.
        PipelineError: the judge cannot be asked any more.
    """
    out_dir, plain = Path(config.out_dir), config.to_dict()
    judged = out_dir / "steps" / "judge.jsonl"
    if not judged.exists():
        raise BadSetting(
            f"{judged} is not there: run `astra synth trajectories` first, with this configuration"
        )
    name, first = config.agreement.judge, config.roles.judge
    second_opinions(
        judged,
        partial(make_judge, plain, name),
        out_dir / "agreement" / name,
        count=config.agreement.runs,
        seed=config.seed,
        settings=replace(_settings(config).judge, sample=int(name == first)),
        asked_with=asked_with(plain, name),
        policy=_policy(config),
        console=console,
    )
    print_usage(plain, console)
    return 0


def print_usage(config: dict[str, Any], console: Console) -> None:
    """What each server was asked over all runs, and what that cost."""
    from data_synthesis.teacher.server.ledger import Ledger, usage_table

    for name in config["servers"]:
        if (path := ledger_path(config, name)).exists():
            ledger = Ledger(path)
            if usage := ledger.usage():
                console.print(usage_table(usage, f"what {name} was asked, over all runs"))
            ledger.close()


@contextmanager
def _spread(config: Config) -> Iterator[Spread | None]:
    """Gives executors on a cluster, or none where this process does the steps."""
    if not choose("executor", config.executor, {"local": False, "ray": True}):
        yield None
        return
    if config.ray.workers < 1:
        raise BadSetting(f"config.ray.workers must be 1 or more, not {config.ray.workers}")
    with RayCluster(config.ray.workers, Path(config.out_dir) / "ray.log", config.ray.address) as cluster:
        yield cluster.executor


def _policy(config: Config) -> Policy:
    try:
        return Policy(concurrency=config.records_at_once, deadline=config.record_deadline_s)
    except ValueError as error:
        raise BadSetting(f"config.records_at_once, config.record_deadline_s: {error}") from error


def _settings(config: Config) -> Settings:
    choose("sandbox_level", config.sandbox_level, ConfinementLevel.__members__)
    plain = config.to_dict()
    try:
        return Settings(
            attempts=config.attempts,
            near_duplicate=config.near_duplicate,
            graph=_graph(plain["graph"]),
            walks=WalkSettings(**plain["walks"], seed=config.seed),
            verify=VerifySettings(**plain["verify"]),
            plan=PlanSettings(**plain["plan"], seed=config.seed),
            scores=ScoreSettings(least=plain["least_scores"]),
            run=RunSettings(**plain["run"]),
            judge=JudgeSettings(**plain["judge"]),
            accept=AcceptSettings(**plain["accept"]),
            asked_with={role: asked_with(plain, plain["roles"][role]) for role in ROLES},
        )
    except ValueError as error:
        raise BadSetting(str(error)) from error


def _graph(config: dict[str, Any]) -> GraphSettings:
    return GraphSettings(**{field.name: config[field.name] for field in fields(GraphSettings)})
