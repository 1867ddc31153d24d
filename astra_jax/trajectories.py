"""`astra synth trajectories`: SFT rows as a configuration asks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.training.settings import BadSetting, choose
from data_synthesis.mcp import SessionPool
from data_synthesis.pipeline import Policy, RayCluster
from data_synthesis.records import BadRecord, ToolServer, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox
from data_synthesis.trajectories.build import STEPS, Company, Settings, Spread, synthesise_trajectories
from data_synthesis.trajectories.cast import ROLES, Cast
from data_synthesis.trajectories.graph import VerifySettings, WalkSettings
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, RawServer, raw_servers, take_in
from data_synthesis.trajectories.judge import AcceptSettings
from data_synthesis.trajectories.live import discovered
from data_synthesis.trajectories.rehearsal import Rehearsals, RehearsedAgent, RehearsedTeacher
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.emulated import EmulatorSettings
from data_synthesis.trajectories.runs.failures import Injector
from data_synthesis.trajectories.runs.loop import RunSettings
from data_synthesis.trajectories.servers import ServerTable
from data_synthesis.trajectories.tasks import PlanSettings, ScoreSettings, read_personas

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
    if config.from_step == STEPS[0]:
        _take_in(config, out_dir / "servers.jsonl", console)
    settings, policy = _settings(config), _policy(config)
    plain = config.to_dict()
    with _spread(config) as spread:
        funnel = synthesise_trajectories(
            partial(make_company, plain, spread is not None),
            out_dir,
            from_step=config.from_step,
            to_step=config.to_step,
            settings=settings,
            policy=policy,
            console=console,
            spread=spread,
        )
    where = out_dir / ("rows.jsonl" if config.to_step == STEPS[-1] else "steps")
    console.print(f"{funnel.outputs} records after step {config.to_step}, in {where}")
    return 0 if funnel.outputs else 1


def make_company(config: dict[str, Any], shared: bool = False) -> Company:
    """Who does the steps, from a configuration as plain data: each process makes its own.

    Args:
        shared: whether others do so beside this one.

    Raises:
        BadSetting: a role is nobody's, or a server's settings cannot be used.
    """
    out_dir = Path(config["out_dir"])
    rehearsals = Rehearsals(config["rehearsals"]) if config["rehearsals"] else Rehearsals()

    @cache
    def teacher(name: str) -> Any:
        if name == _REHEARSED:
            return RehearsedTeacher(rehearsals)
        from data_synthesis.teacher.server import ServerTeacher

        return ServerTeacher(_server(config, name), out_dir / f"teacher_{name}.sqlite", shared=shared)

    def agent(name: str) -> Any:
        if name == _REHEARSED:
            return RehearsedAgent(rehearsals)
        from data_synthesis.trajectories.runs.server_agent import ServerAgent

        return ServerAgent(_server(config, name), out_dir / f"agent_{name}.sqlite", shared=shared)

    roles = config["roles"]
    players = {role: (agent if role == "agent" else teacher)(roles[role]) for role in ROLES}
    backends = Backends(
        players["emulator"],
        LocalSandbox(ConfinementLevel[config["sandbox_level"]]),
        SessionPool(config["start_deadline_s"], config["live_at_once"]),
        Injector(config["failure_rate"], config["seed"]),
        EmulatorSettings(attempts=config["attempts"], seed=config["seed"]),
        call_deadline=config["call_deadline_s"],
    )
    personas = read_personas(config["personas"]) if config["personas"] else ()
    return Company(Cast(**players), backends, ServerTable(out_dir / "servers.jsonl"), personas)


def _server(config: dict[str, Any], name: str) -> Any:
    from data_synthesis.teacher.server import ServerSettings

    if name not in config["servers"]:
        known = ", ".join([_REHEARSED, *config["servers"]])
        raise BadSetting(f"config.roles names {name!r}; there are {known}")
    try:
        return ServerSettings(**config["servers"][name])
    except ValueError as error:
        raise BadSetting(f"config.servers.{name}: {error}") from error


def _take_in(config: Config, path: Path, console: Console) -> None:
    """Writes the servers of all sources, and `servers.drops.jsonl`. A list that stands is taken as it is: a server that
    is down now was not down when the run began.
    """
    if path.exists():
        console.print(f"servers: those of {path}")
        return
    if not config.sources and not config.live:
        raise BadSetting(
            "config.sources and config.live are empty: name files of servers, or of how to reach some"
        )
    try:
        settings = IntakeSettings(**config.intake)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"config.intake: {error}") from error
    report = IntakeReport()
    servers: Iterable[ToolServer] = take_in(_raw(config, settings), settings, report)
    if config.most_servers:
        servers = islice(servers, config.most_servers)
    count = write_records(path, servers)
    report.write(path.with_name("servers.drops.jsonl"))
    console.print(report.funnel().table("tool documents taken in"))
    if not count:
        raise BadSetting(f"no server of config.sources and config.live can be used; see {path.parent}")


def _raw(config: Config, settings: IntakeSettings) -> Iterator[RawServer | BadRecord]:
    for live in config.live:
        if not Path(live).is_file():
            raise BadSetting(
                f"config.live names {live}, which is not there; `make mcp-servers` makes .mcp/servers.jsonl"
            )
    sources = chain.from_iterable(raw_servers(source, "auto", settings) for source in config.sources)
    yield from discovered(config.live, config.start_deadline_s)
    yield from sources


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
        accept = AcceptSettings()
        return Settings(
            attempts=config.attempts,
            near_duplicate=config.near_duplicate,
            walks=WalkSettings(**plain["walks"], seed=config.seed),
            verify=VerifySettings(**plain["verify"]),
            plan=PlanSettings(**plain["plan"], seed=config.seed),
            scores=ScoreSettings(least=plain["least_scores"]),
            run=RunSettings(**plain["run"]),
            accept=replace(accept, least_overall=config.accept.least_overall),
            asked_with={role: _asked_with(plain, role) for role in ROLES},
        )
    except ValueError as error:
        raise BadSetting(str(error)) from error


def _asked_with(config: dict[str, Any], role: str) -> dict[str, Any] | None:
    """What a role's answers depend on beside model and prompt."""
    name = config["roles"][role]
    if name == _REHEARSED or name not in config["servers"]:
        return None
    fields = ("answer", "temperature", "max_tokens", "extra_body")
    return {field: config["servers"][name][field] for field in fields}
