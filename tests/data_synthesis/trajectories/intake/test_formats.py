"""Every format is known by itself, and bad files are drops that name the file and the line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from raw_documents import documents, reasons, upstream, written

from data_synthesis.records import Reach, ToolServer
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, read_servers


def read(path: Path, **options: Any) -> tuple[list[ToolServer], IntakeReport]:
    report = IntakeReport()
    return list(read_servers(path, report=report, **options)), report


def test_upstream_records_are_read_with_all_they_say(tmp_path: Path) -> None:
    servers, report = read(written(tmp_path / "mcp_servers.jsonl", upstream()))
    (server,) = servers
    assert not report.drops
    assert (server.title, server.description, server.domain) == ("Shop", "Orders.", "retail")
    assert [tool.name for tool in server.tools] == ["tool_a", "tool_b", "tool_c"]
    assert server.model_extra == {"features": {"stars": 3}, "server_name": "shop"}
    assert server.reach == Reach(kind="emulated")
    assert server.provenance.model_extra == {"source": "mcp_servers.jsonl", "line": 1}


def test_upstream_records_of_a_later_stage_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "chains.jsonl", {"mcp_info": upstream(), "graph": {}, "chain_info": {}})
    assert [server.title for server in read(path)[0]] == ["Shop"]


@pytest.mark.parametrize(
    ("call_info", "reach"),
    [
        ({"url": "http://a", "headers": {"K": "$KEY"}}, Reach(kind="http", url="http://a", headers={"K": "$KEY"})),
        ({"url": "https://a/mcp"}, Reach(kind="http", url="https://a/mcp")),
        ({"url": "https://a/mcp", "mock_tool": {}}, Reach()),
        ({"python_sdk_url": "https://a/{config}"}, Reach()),
        (None, Reach()),
        ("text", Reach()),
    ],
)  # fmt: skip
def test_a_server_with_an_address_is_asked_there(tmp_path: Path, call_info: Any, reach: Reach) -> None:
    (server,) = read(written(tmp_path / "servers.jsonl", upstream(call_info=call_info)))[0]
    assert server.reach == reach


@pytest.mark.parametrize(
    "call_info", [{"url": 5}, {"url": "ftp://a"}, {"url": "http://a", "headers": {"K": 5}}]
)
def test_an_address_that_is_none_is_a_drop(tmp_path: Path, call_info: Any) -> None:
    assert reasons(read(written(tmp_path / "servers.jsonl", upstream(call_info=call_info)))[1]) == [
        "bad_server"
    ]


WRAPPED = [{"type": "function", "function": tool} for tool in documents()]
MCP = [tool | {"inputSchema": tool["parameters"], "parameters": None} for tool in documents()]
LISTS = {
    "wrapped": WRAPPED,
    "bare": documents(),
    "request": {"model": "m", "tools": WRAPPED},
    "mcp": {"jsonrpc": "2.0", "id": 1, "result": {"tools": MCP}},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_tools_is_one_server(tmp_path: Path, name: str, indent: int | None) -> None:
    path = tmp_path / "my_tools.json"
    path.write_text(json.dumps(LISTS[name], indent=indent))
    (server,) = read(path)[0]
    assert server.title == "my_tools"
    assert [tool.openai() for tool in server.tools] == WRAPPED


def test_tools_one_a_line_are_one_server(tmp_path: Path) -> None:
    (server,) = read(written(tmp_path / "my_tools.jsonl", *WRAPPED))[0]
    assert len(server.tools) == 3


def test_a_document_may_begin_on_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "my_tools.json"
    path.write_text("\ufeff[" + ",\n".join(json.dumps(tool) for tool in WRAPPED) + "]")
    assert len(read(path)[0]) == 1


def test_arenas_are_servers_of_code(tmp_path: Path) -> None:
    tools = [
        {"spec": tool, "source": f"def {tool['name']}(number): return {at}"}
        for at, tool in enumerate(documents(4))
    ]
    arena = {"question": "What is thing 1?", "domain": "retail", "tools": tools[:2], "distractors": tools[2:]}
    call = {"id": 1, "tool": "tool_b", "arguments": {"number": "7"}, "expected": 1}
    (server,) = read(written(tmp_path / "arenas.jsonl", arena | {"gold_calls": [call]}))[0]
    assert server.reach.kind == "code"
    assert [tool.source for tool in server.tools] == [tool["source"] for tool in tools]
    assert "What is thing 1?" not in server.model_dump_json()
    assert len(server.provenance.parents) == 1


def test_corrupt_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    good = json.dumps(upstream()).encode()
    other = json.dumps(upstream(title="Other")).encode()
    lines = [good, b'{"base_info": ', b"\xff\xfe", b'"text"', b"[1]", b'{"surprise": 1}', b"", other]
    path = tmp_path / "servers.jsonl"
    path.write_bytes(b"\n".join(lines))
    servers, report = read(path)
    assert [server.title for server in servers] == ["Shop", "Other"]
    assert [drop.where for drop in report.drops] == [f"{path}:{line}" for line in (2, 3, 4, 5, 6)]
    assert reasons(report) == ["unreadable_record"] * 2 + ["unknown_format"] * 3


WRONG: list[Any] = [None, 5, "text", [], True, {}]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("field", ["base_info", "base_info.group_info", "base_info.tool_list", "mcp_info"])
def test_wrong_types_are_drops(tmp_path: Path, field: str, wrong: Any) -> None:
    value: dict[str, Any] = upstream()
    *path, last = field.split(".")
    holder = value
    for step in path:
        holder = holder[step]
    holder[last] = wrong
    servers, report = read(written(tmp_path / "servers.jsonl", value))
    assert not servers
    assert len(report.drops) == 1
    assert report.drops[0].where == f"{tmp_path / 'servers.jsonl'}:1"


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x00\xff", b"[" * 100_000, b'{"a":' * 5000, b"[]", b"null"]
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".yaml"])
def test_files_of_rubbish_give_no_server(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(content)
    servers, report = read(path)
    assert not servers
    assert len(report.drops) == 1


def test_a_file_that_is_too_large_is_a_drop(tmp_path: Path) -> None:
    path = written(tmp_path / "servers.jsonl", upstream())
    assert reasons(read(path, settings=IntakeSettings(max_file_bytes=10))[1]) == ["file_too_large"]


def test_yaml_that_stands_for_billions_of_values_is_a_drop(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path = tmp_path / "laughs.yaml"
    path.write_text("\n".join(lines))
    assert reasons(read(path)[1]) == ["unreadable_record"]


def test_all_files_of_a_folder_are_read_in_order(tmp_path: Path) -> None:
    written(tmp_path / "b.jsonl", upstream(title="B"))
    written(tmp_path / "a.jsonl", upstream(title="A"))
    (tmp_path / "notes.txt").write_text("not read")
    assert [server.title for server in read(tmp_path)[0]] == ["A", "B"]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone.jsonl")


def test_a_given_format_is_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "servers.jsonl", upstream())
    servers, report = read(path, kind="openapi")
    assert not servers
    assert reasons(report) == ["unknown_format"]


def test_thirteen_hundred_real_servers_go_through_in_thirty_seconds() -> None:
    path = os.environ.get("ASTRA_MCP_SERVERS")
    if not path:
        pytest.skip("ASTRA_MCP_SERVERS names no file of real servers in upstream's layout")
    start = time.monotonic()
    servers, report = read(Path(path))
    assert time.monotonic() - start < 30
    assert report.servers == len(servers) + report.summary().rejected.get("too_few_tools", 0)
    assert len(servers) > report.servers / 3
    assert all(len(server.tools) >= 3 for server in servers)
