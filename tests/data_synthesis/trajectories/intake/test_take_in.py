"""Servers are filtered and counted, and what passed once passes again unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from raw_documents import document, documents, reasons, upstream, written

from data_synthesis.records import BadRecord, Reach, write_records
from data_synthesis.trajectories.intake import (
    IntakeReport,
    IntakeSettings,
    RawServer,
    Unusable,
    read_servers,
    take_in,
)

SHOP = RawServer(title="Shop", tools=documents(), description="Orders.", where="shop.json:1")


def test_a_server_needs_three_usable_tools() -> None:
    report = IntakeReport()
    vague = document("get_user", "Get user")
    servers = [replace(SHOP, tools=[*documents(2), vague]), SHOP]
    assert [len(server.tools) for server in take_in(servers, report=report)] == [3]
    assert reasons(report) == ["vague_description", "too_few_tools"]
    assert [drop.tool for drop in report.drops] == ["get_user", ""]


def test_two_servers_of_one_name_are_two_and_the_same_twice_is_one() -> None:
    report = IntakeReport()
    other = replace(SHOP, description="More orders.")
    assert len(list(take_in([SHOP, other, SHOP], report=report))) == 2
    assert reasons(report) == ["duplicate_server"]


def test_the_summary_is_a_stage_of_a_funnel() -> None:
    report = IntakeReport()
    poor = replace(SHOP, tools=documents(2))
    broken = BadRecord(Path("servers.jsonl"), 7, "", "is not JSON")
    assert len(list(take_in([SHOP, poor, broken], report=report))) == 1
    summary, tools = report.summary(), report.tool_summary()
    assert (summary.stage, summary.inputs, summary.outputs) == ("intake", 3, 1)
    assert summary.rejected == {"too_few_tools": 1, "unreadable_record": 1}
    assert (tools.inputs, tools.outputs, tools.rejected) == (5, 3, {"server_dropped": 2})
    assert report.drops[-1].where == "servers.jsonl:7"


@given(
    st.lists(
        st.lists(st.sampled_from([*documents(8), {}, None, Unusable("x", "bad_tool", "why")])), max_size=6
    )
)
def test_nothing_is_lost_without_being_counted(servers: list) -> None:
    report = IntakeReport()
    list(take_in([replace(SHOP, tools=tools) for tools in servers], report=report))
    for stage in report.funnel().stages:
        assert stage.inputs == stage.outputs + sum(stage.rejected.values())


def test_what_passed_passes_again_unchanged(tmp_path: Path) -> None:
    tools = [
        document("a.b"),
        document("a b"),
        document("c", outputSchema={"type": "object"}),
        document("x" * 90),
    ]
    first = list(take_in([replace(SHOP, tools=tools, reach=Reach(kind="stdio", command=["serve"]))]))
    write_records(tmp_path / "servers.jsonl", first)
    assert list(read_servers(tmp_path / "servers.jsonl")) == first


def test_drops_are_written_one_a_line(tmp_path: Path) -> None:
    report = IntakeReport()
    list(take_in([replace(SHOP, tools=[*documents(), {}])], report=report))
    report.write(tmp_path / "drops.jsonl")
    (line,) = (tmp_path / "drops.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "server": "Shop",
        "tool": "(nameless)",
        "reason": "bad_name",
        "detail": "field `name` is null, not a text",
        "where": "shop.json:1",
    }


def test_a_server_that_cannot_be_written_is_a_drop() -> None:
    report = IntakeReport()
    half, blank = replace(SHOP, title="\ud800"), replace(SHOP, title=" ")
    headers = replace(SHOP, reach=Reach(kind="http", url="http://a", headers={"A": "\ud800"}))
    assert not list(take_in([half, blank, headers], report=report))
    assert reasons(report) == ["bad_server"] * 3


def test_settings_decide(tmp_path: Path) -> None:
    path = written(tmp_path / "servers.jsonl", upstream(documents(2)))
    assert not list(read_servers(path))
    assert len(list(read_servers(path, settings=IntakeSettings(min_tools=2)))) == 1
