import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra `synthesis`)")

from data_synthesis.records import BadRecord, Reach, write_records
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, RawServer, take_in
from data_synthesis.trajectories.live import LiveServer, discovered

BAD_SERVER = str(Path(__file__).parents[1] / "mcp" / "bad_server.py")


def live(path, *ways, **fields):
    reach = Reach(kind="stdio", command=[sys.executable, BAD_SERVER, *ways])
    servers = [LiveServer(title="Shop", domain="Shops", reach=reach, **fields)]
    servers.append(LiveServer(title="Nowhere", reach=Reach(kind="stdio", command=["no-such-command"])))
    write_records(path, servers)
    return list(discovered([path], 10.0))


def test_a_live_server_comes_to_the_intake_as_it_lists_itself(tmp_path):
    shop, nowhere = live(tmp_path / "live.jsonl")
    assert isinstance(shop, RawServer)
    assert (shop.title, shop.domain, shop.reach.kind) == ("Shop", "Shops", "stdio")
    assert shop.where == f"{tmp_path / 'live.jsonl'}:1"
    assert shop.tools[0]["inputSchema"]["required"] == ["text"]
    assert isinstance(nowhere, BadRecord)
    assert "Nowhere: the server does not start" in str(nowhere)


def test_what_must_not_be_called_is_emulated(tmp_path):
    shop, _ = live(tmp_path / "live.jsonl", emulated=True)
    assert isinstance(shop, RawServer)
    assert shop.reach == Reach(kind="emulated")


@pytest.mark.parametrize(
    ("ways", "dropped"), [("no_schema", ["no_schema", "bad_tool"]), ("twice", ["same_name"])]
)
def test_bad_tools_are_dropped_one_by_one_with_reasons(tmp_path, ways, dropped):
    found = live(tmp_path / "live.jsonl", ways)
    report = IntakeReport()
    settings = IntakeSettings(min_tools=1, min_words=1)
    servers = list(take_in(iter(found), settings, report))
    assert [server.title for server in servers] == ["Shop"]
    report.write(tmp_path / "drops.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "drops.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in lines if line.get("tool")] == dropped
