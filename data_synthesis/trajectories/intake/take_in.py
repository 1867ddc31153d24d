"""From raw servers to servers: each is normalised, filtered as the paper filters, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from data_synthesis.pipeline import Rejected
from data_synthesis.records import BadRecord, ServerTool, ToolServer
from data_synthesis.trajectories.intake.normalise import tools_of
from data_synthesis.trajectories.intake.plain import cut, json_problem
from data_synthesis.trajectories.intake.raw import BAD_SERVER, RawServer
from data_synthesis.trajectories.intake.report import Drop, IntakeReport
from data_synthesis.trajectories.intake.settings import IntakeSettings


def take_in(
    servers: Iterable[RawServer | BadRecord],
    settings: IntakeSettings | None = None,
    report: IntakeReport | None = None,
) -> Iterator[ToolServer]:
    """Yields the servers that pass, in order; the report says what became of the others, and of every tool.

    A server passes with at least `min_tools` tools that pass, unless one with the same content came before. Two
    servers of one title are two servers.

    Args:
        servers: from `raw_servers`, from live servers, or made by hand. A `BadRecord` stands for one that could not
            be read.
        report: counts go here, and are complete when the iterator is exhausted.
    """
    settings = settings or IntakeSettings()
    report = report if report is not None else IntakeReport()
    seen: set[str] = set()
    for raw in servers:
        report.servers += 1
        try:
            server = _taken_in(raw, settings, report)
            if server.id in seen:
                raise Rejected("duplicate_server", "one with the same content came before")
        except Rejected as no:
            report.drops.append(Drop(_title(raw), "", no.reason, no.detail, _where(raw)))
            continue
        seen.add(server.id)
        report.kept += 1
        report.tools_kept += len(server.tools)
        yield server


def _taken_in(raw: RawServer | BadRecord, settings: IntakeSettings, report: IntakeReport) -> ToolServer:
    if isinstance(raw, BadRecord):
        raise Rejected(raw.reason, f"field `{raw.field}`: {raw.problem}" if raw.field else raw.problem)
    report.tools += len(raw.tools)
    tools, refused = tools_of(raw.tools, settings, report.changes)
    report.drops += [Drop(_title(raw), *each, _where(raw)) for each in refused]
    if len(tools) < settings.min_tools:
        detail = f"has {len(tools)} usable tools of {len(raw.tools)}, and should have {settings.min_tools}"
        raise Rejected("too_few_tools", detail)
    return _record(raw, tools, settings)


def _record(raw: RawServer, tools: list[ServerTool], settings: IntakeSettings) -> ToolServer:
    models = [raw.reach.model_dump(), raw.provenance.model_dump()]
    if problem := json_problem([raw.title, raw.description, raw.domain, raw.extra, *models]):
        raise Rejected(BAD_SERVER, problem)
    if not raw.title.strip():
        raise Rejected(BAD_SERVER, "has no title")
    content = {
        "title": cut(raw.title.strip(), settings.max_title),
        "description": cut(raw.description.strip(), settings.max_description),
        "domain": cut(raw.domain.strip(), settings.max_title),
        "tools": tools,
        "reach": raw.reach,
        "provenance": raw.provenance,
    }
    return ToolServer.model_validate(raw.extra | content)


def _title(raw: RawServer | BadRecord) -> str:
    title = raw.title if isinstance(raw, RawServer) else ""
    return cut(title.encode(errors="replace").decode(), 200)


def _where(raw: RawServer | BadRecord) -> str:
    return raw.where if isinstance(raw, RawServer) else f"{raw.path}:{raw.line}"
