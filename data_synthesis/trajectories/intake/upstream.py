"""Upstream's `mcp_servers.jsonl`, and the records of its later stages, which carry the same under `mcp_info`."""

from __future__ import annotations

from typing import Any

from data_synthesis.interop.json_values import Numbered
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Reach
from data_synthesis.trajectories.intake.places import place, provenance_of
from data_synthesis.trajectories.intake.raw import (
    BAD_SERVER,
    RawServer,
    list_field,
    object_field,
    text_field,
)

_TITLES = ("server_title", "server_name", "name", "tool_name", "group_id")


def upstream_server(each: Numbered) -> RawServer:
    """The server of a record. `features` and a `server_name` that is not the title go through untouched.

    Raises:
        Rejected: `bad_server`: a field is missing or of another type.
    """
    value = each.value
    if "mcp_info" in value:
        value = object_field(value["mcp_info"], "mcp_info")
    base = object_field(value.get("base_info"), "base_info")
    group = object_field(base.get("group_info"), "base_info.group_info")
    texts = {name: text_field(text, f"group_info.{name}") for name, text in group.items() if name in _READ}
    title = next((texts[name] for name in _TITLES if texts.get(name, "").strip()), "")
    name = texts.get("server_name", "")
    return RawServer(
        title=title,
        description=texts.get("server_description", ""),
        domain=texts.get("domain", ""),
        tools=list_field(base.get("tool_list"), "base_info.tool_list"),
        reach=_reach(value.get("call_info")),
        where=place(each),
        provenance=provenance_of(each),
        extra=_given(features=value.get("features"), server_name=None if name == title else name),
    )


_READ = frozenset({*_TITLES, "server_description", "domain"})


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _reach(call_info: Any) -> Reach:
    """A server with a `url` is asked there, unless it is to be mocked; all others are emulated."""
    if not isinstance(call_info, dict) or "mock_tool" in call_info or call_info.get("url") is None:
        return Reach()
    url = text_field(call_info["url"], "call_info.url")
    if not url.startswith(("http://", "https://")):
        raise Rejected(BAD_SERVER, f"field `call_info.url` is no address: {url[:100]!r}")
    headers = object_field(call_info.get("headers") or {}, "call_info.headers")
    texts = {name: text_field(text, f"call_info.headers.{name}") for name, text in headers.items()}
    return Reach(kind="http", url=url, headers=texts)
