"""Who does the steps of `astra synth trajectories`, from its configuration as plain data: one for each process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from astra_jax.training.settings import BadSetting
from data_synthesis.embedding import Embedder, open_embedder
from data_synthesis.mcp import SessionPool
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox
from data_synthesis.teacher.interface import Teacher
from data_synthesis.teacher.server.ledger import Ledger
from data_synthesis.trajectories.build import Company
from data_synthesis.trajectories.cast import ROLES, Cast
from data_synthesis.trajectories.rehearsal import Rehearsals, RehearsedAgent, RehearsedTeacher
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.emulated import EmulatorSettings
from data_synthesis.trajectories.runs.failures import Injector
from data_synthesis.trajectories.servers import ServerTable
from data_synthesis.trajectories.tasks import read_personas

Config = dict[str, Any]

REHEARSED = "rehearsed"


@dataclass(frozen=True)
class SharedCompany:
    """Makes the company of a worker. What is left of each server's budget is shared among the workers anew whenever
    work is sent to them, as they begin to count anew then.
    """

    config: Config
    workers: int

    def __call__(self) -> Company:
        return make_company(self.config, shared=True)

    def __getstate__(self) -> dict[str, Any]:
        return {"config": with_shares(self.config, self.workers), "workers": self.workers}


def make_company(config: Config, shared: bool = False) -> Company:
    """
    Args:
        shared: whether others do the steps beside this one.

    Raises:
        BadSetting: a role is nobody's, or a server's settings cannot be used.
        EmbeddingUnavailable: there is no such embedder.
    """
    players = make_players(config, shared)
    folder = Path(config["out_dir"])
    backends = Backends(
        players["emulator"],
        LocalSandbox(ConfinementLevel[config["sandbox_level"]]),
        _pool(config),
        _injector(config),
        _emulation(config),
        call_deadline=config["call_deadline_s"],
    )
    personas = read_personas(config["personas"]) if config["personas"] else ()
    table = ServerTable(folder / "servers.jsonl")
    return Company(Cast(**players), backends, table, personas, make_embedder(config))


def make_players(config: Config, shared: bool = False) -> dict[str, Any]:
    """Role -> who plays it. All roles of one server are one player, which keeps to that server's limits.

    Raises:
        BadSetting: as above.
    """

    @cache
    def named(name: str) -> Any:
        return make_server(config, name, shared)

    roles = config["roles"]
    return {
        role: _rehearsed(config, role) if roles[role] == REHEARSED else named(roles[role]) for role in ROLES
    }


def make_judge(config: Config, name: str) -> Teacher:
    """
    Raises:
        BadSetting: as above.
    """
    return _rehearsed(config, "judge") if name == REHEARSED else make_server(config, name)


def _rehearsed(config: Config, role: str) -> Any:
    rehearsals = _rehearsals(config)
    return RehearsedAgent(rehearsals) if role == "agent" else RehearsedTeacher(rehearsals)


def _rehearsals(config: Config) -> Rehearsals:
    return Rehearsals(config["rehearsals"]) if config["rehearsals"] else Rehearsals()


def make_server(config: Config, name: str, shared: bool = False) -> Any:
    """Whoever `config.servers` calls so.

    Raises:
        BadSetting: nobody is called so, or the settings cannot be used.
    """
    from data_synthesis.teacher.server import ServerSettings
    from data_synthesis.trajectories.runs.server_agent import ServerAgent

    if name not in config["servers"]:
        known = ", ".join([REHEARSED, *config["servers"]])
        raise BadSetting(f"config.roles names {name!r}; there are {known}")
    try:
        settings = ServerSettings(**config["servers"][name])
    except ValueError as error:
        raise BadSetting(f"config.servers.{name}: {error}") from error
    return ServerAgent(settings, ledger_path(config, name), shared=shared)


def ledger_path(config: Config, name: str) -> Path:
    """Where everything is kept that a server was asked."""
    return (Path(config["out_dir"]) / f"server_{name}.sqlite").absolute()


def with_shares(config: Config, workers: int) -> Config:
    """The configuration of each of several workers: what is left of a server's budget is shared among them."""
    servers = {name: dict(server) for name, server in config["servers"].items()}
    for name, server in servers.items():
        if server["budget"] > 0:
            ledger = Ledger(ledger_path(config, name))
            # Where nothing is left, next to nothing: 0 would be no bound.
            server["budget"] = max((server["budget"] - ledger.spent) / workers, 1e-12)
            ledger.close()
    return {**config, "servers": servers}


def asked_with(config: Config, name: str) -> dict[str, Any] | None:
    """What somebody's answers depend on beside model and prompt."""
    if name == REHEARSED:
        return {"rehearsals": _rehearsals(config).digest}
    if name not in config["servers"]:
        return None
    fields = ("answer", "temperature", "max_tokens", "extra_body")
    return {field: config["servers"][name][field] for field in fields}


def make_embedder(config: Config) -> Embedder | None:
    """
    Raises:
        EmbeddingUnavailable: as above.
    """
    where = config["graph"]["embedder"]
    return None if where == "none" else open_embedder(where, model=config["graph"]["embedding_model"])


def _injector(config: Config) -> Injector:
    try:
        return Injector(config["failure_rate"], config["seed"])
    except ValueError as error:
        raise BadSetting(f"config.failure_rate: {error}") from error


def _emulation(config: Config) -> EmulatorSettings:
    try:
        return EmulatorSettings(attempts=config["attempts"], seed=config["seed"], **config["emulator"])
    except ValueError as error:
        raise BadSetting(f"config.emulator: {error}") from error


def _pool(config: Config) -> SessionPool:
    try:
        return SessionPool(config["start_deadline_s"], config["live_at_once"])
    except ValueError as error:
        raise BadSetting(f"config.live_at_once: {error}") from error
