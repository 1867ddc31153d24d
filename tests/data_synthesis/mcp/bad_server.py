"""A small MCP server over stdio that misbehaves as its first argument says. Standard library only.

Tools: `echo` gives its text back, `note` writes a file, `row` writes into a database, `where` gives its folder and its
text backwards, `big` gives 10 MB, `die` ends the server in the call, `sleep` never answers, `rubbish` answers what is
no result.
"""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

ways = sys.argv[1:]


def send(value):
    sys.stdout.write((value if isinstance(value, str) else json.dumps(value)) + "\n")
    sys.stdout.flush()


def tool(name, **properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "name": name,
        "description": f"Does what a {name} does with the text that comes with the call.",
        "inputSchema": schema,
    }


TEXT = {"type": "string"}
TOOLS = [
    tool("echo", text=TEXT), tool("note", text=TEXT), tool("row", text=TEXT),
    tool("where", text=TEXT), tool("pid"), tool("big"), tool("die"), tool("sleep"), tool("rubbish"), tool("fail"),
]  # fmt: skip


def listed():
    if "no_schema" in ways:
        return [{"name": "echo"}, 5, tool("note", text=TEXT)]
    if "twice" in ways:
        return [tool("echo"), tool("echo", text=TEXT)]
    return TOOLS


def called(name, arguments):
    text = arguments.get("text", "")
    if name == "die":
        sys.exit(1)
    if name == "sleep":
        time.sleep(60)
    if name == "where":
        text = json.dumps([str(Path.cwd()), text[::-1]])
    if name == "pid":
        text = str(os.getpid())
    if name == "note":
        Path("note.txt").write_text(text)
    if name == "row":
        with sqlite3.connect("notes.db") as db:
            db.execute("CREATE TABLE IF NOT EXISTS notes (text)")
            db.execute("INSERT INTO notes VALUES (?)", (text,))
    if name == "big":
        text = "x" * 10_000_000
    if name == "rubbish":
        return {"content": 5}
    return {"content": [{"type": "text", "text": text or name}], "isError": name == "fail"}


if "banner" in ways:
    send("Welcome to the server!\n=== v1.0 ===")
if "flood" in ways:
    sys.stderr.write("noise " * 200_000)
    sys.stderr.flush()
if "exit" in ways:
    sys.exit(3)
for line in sys.stdin:
    message = json.loads(line)
    method, params = message.get("method"), message.get("params") or {}
    if "id" not in message:
        continue
    if "hang" in ways:
        time.sleep(60)
    if "non_json" in ways:
        send("I do not speak this")
        continue
    if method == "initialize":
        result = {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "bad", "version": "1"},
        }
    elif method == "tools/list":
        result = {"tools": listed()}
    elif method == "tools/call":
        result = called(params["name"], params.get("arguments") or {})
    else:
        send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no such method"}})
        continue
    send({"jsonrpc": "2.0", "id": message["id"], "result": result})
