"""`astra eval tau2`: simulations of agent and user on the tasks that a configuration names, officially rewarded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from astra_jax.evaluation.contestant import Contestant, Conversation
from astra_jax.evaluation.tau2.golden import GoldenPair
from astra_jax.evaluation.tau2.play import Pair, play
from astra_jax.evaluation.tau2.records import Tau2Item, Tau2Run
from astra_jax.evaluation.tau2.table import summarise, table
from astra_jax.evaluation.tau2.world import DOMAINS, Simulation, Tau2World
from astra_jax.official.contestants import ServerContestant, make_contestant, make_talker
from astra_jax.official.rollouts import play_all, write_summary
from astra_jax.training.settings import BadSetting, choose
from data_synthesis.records import read_records

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

_NAME = "tau2"


def evaluate(config: Config, console: Console, *, golden: bool = False) -> dict[str, Any]:
    """Writes simulations to `config.out_dir/tau2.jsonl` and their summary to `summary.json`, and prints its table.

    Killed at any moment, the same call goes on where it was and ends with the same files. A try that has no reward is
    made again by the next call.

    Args:
        golden: plays the golden actions in the place of agent and user.

    Raises:
        BadSetting: a value of the configuration cannot be used.
        PipelineError: the folder holds simulations of others or of other settings.
        InfrastructureFailure: the benchmark's environment cannot be used.
    """
    return asyncio.run(_evaluate(config, console, golden))


async def _evaluate(config: Config, console: Console, golden: bool) -> dict[str, Any]:
    world = Tau2World(config.python, config.workers, config.worker_deadline_s)
    try:
        items = await _items(config, world)
        pair, settings = (GoldenPair(), {"kind": "golden"}) if golden else _make_pair(config)
        console.print(f"tau2: {len(items)} tries, played by {pair.name}")

        async def played(item: Tau2Item) -> Tau2Run:
            async with world.simulation(item.domain, item.task) as simulation:
                return await play(item, pair, simulation, config.seed)

        try:
            at_once = world.at_once
            await play_all(_NAME, items, played, config, console, settings=settings, at_once=at_once)
        finally:
            await pair.close()
    finally:
        await world.close()
    return _report(config, console, items, pair.name)


class _Played(Pair, Protocol):
    @property
    def name(self) -> str: ...

    async def close(self) -> None: ...


class _AgentAndUser:
    def __init__(self, agent: Contestant, user: Contestant, seed: int):
        self.name = f"{agent.name}, with {user.name} as user"
        self._agent, self._user, self._seed = agent, user, seed

    async def open(self, item: Tau2Item, simulation: Simulation) -> tuple[Conversation, Conversation]:
        return self._agent.open(item.id, self._seed), self._user.open(item.id, self._seed)

    async def close(self) -> None:
        await self._agent.close()
        await self._user.close()


def _make_pair(config: Config) -> tuple[_Played, dict[str, Any]]:
    if not (config.user.model and config.user.base_urls):
        raise BadSetting(
            "config.user.model and config.user.base_urls must be set: who plays the user, and where"
        )
    user = ServerContestant(make_talker(config.user.to_dict(), config.out_dir, "user"))
    agent, _, settings = make_contestant(config)
    plain = {name: config.user[name] for name in ("model", "temperature", "max_tokens")}
    user_settings = {**plain, "extra_body": config.user.extra_body.to_dict()}
    return _AgentAndUser(agent, user, config.seed), {**settings, "user": user_settings}


async def _items(config: Config, world: Tau2World) -> list[Tau2Item]:
    known = {name: name for name in DOMAINS}
    domains = [choose("domains", name, known) for name in config.domains]
    if not domains or config.trials < 1:
        raise BadSetting("config.domains and config.trials must name at least one domain and one try")
    most = config.tasks_each or None
    return [
        Tau2Item(id=f"{domain}/{task}/{trial}", domain=domain, task=task, trial=trial)
        for domain in domains
        for task in (await world.tasks(domain))[:most]
        for trial in range(config.trials)
    ]


def _report(config: Config, console: Console, items: Sequence[Tau2Item], name: str) -> dict[str, Any]:
    runs = read_records(Path(config.out_dir) / f"{_NAME}.jsonl", Tau2Run)
    domains = summarise(items, runs, config.seed)
    summary = {"model": name, "domains": domains}
    write_summary(config, summary)
    console.print(table(domains, f"tau2-bench, official reward, {name}: percent and 95 % interval"))
    return summary
