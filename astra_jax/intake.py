"""The servers of `astra synth trajectories`: those that its configuration names, taken in once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.training.settings import BadSetting
from data_synthesis.records import BadRecord, Reach, ToolServer, write_records
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, RawServer, raw_servers, take_in
from data_synthesis.trajectories.live import discovered

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def take_in_servers(config: Config, path: Path, console: Console) -> None:
    """Writes the servers of all sources to `path`, and why others are not among them to `NAME.drops.jsonl`.

    A list that stands is taken as it is: a server that is down now was not down when the run began.

    Raises:
        BadSetting: the configuration names nothing that can be used, or something else than the list was made of.
        BadRecord, OSError: a file cannot be read.
    """
    made_of = path.with_name(f"{path.stem}.made_of.json")
    named = _named(config)
    if path.exists():
        if made_of.exists() and json.loads(made_of.read_bytes()) != named:
            raise BadSetting(
                f"{path} was made of other sources than the configuration names: take another out_dir"
            )
        console.print(f"servers: those of {path}")
        return
    report = IntakeReport()
    servers: Iterable[ToolServer] = take_in(_raw(config), _settings(config), report)
    if config.most_servers:
        servers = islice(servers, config.most_servers)
    part = path.with_name(f"{path.name}.part")
    count = write_records(part, servers)
    report.write(path.with_name(f"{path.stem}.drops.jsonl"))
    console.print(report.funnel().table("tool documents taken in"))
    if not count:
        part.unlink()
        raise BadSetting(f"no server of config.sources and config.live can be used; see {path.parent}")
    made_of.write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")
    part.rename(path)


def _named(config: Config) -> dict[str, Any]:
    plain = config.to_dict()
    named = {name: plain[name] for name in ("sources", "live", "most_servers", "intake")}
    return json.loads(json.dumps(named))


def _settings(config: Config) -> IntakeSettings:
    try:
        return IntakeSettings(**config.intake)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"config.intake: {error}") from error


def _raw(config: Config) -> Iterator[RawServer | BadRecord]:
    if not config.sources and not config.live:
        raise BadSetting(
            "config.sources and config.live are empty: name files of servers, or of how to reach some"
        )
    for live in config.live:
        if not Path(live).is_file():
            raise BadSetting(
                f"config.live names {live}, which is not there; `make mcp-servers` makes .mcp/servers.jsonl"
            )
    settings = _settings(config)
    sources = chain.from_iterable(raw_servers(source, "auto", settings) for source in config.sources)
    yield from discovered(config.live, config.start_deadline_s)
    yield from map(_never_called, sources)


def _never_called(server: RawServer | BadRecord) -> RawServer | BadRecord:
    """Documents may come from anywhere. Whatever they say, no program is started for them, nothing is sent to their
    addresses, and no key is read for them: that is for `config.live`, which the user writes.
    """
    if isinstance(server, BadRecord) or server.reach.kind not in ("stdio", "http"):
        return server
    return replace(server, reach=Reach(kind="emulated"))
