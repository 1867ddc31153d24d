"""A small MCP server over stdio that misbehaves as its first argument says. Standard library only.

Tools: `echo` gives its text back, `note` writes a file, `row` writes into a database, `where` gives its folder and its
text backwards, `big` gives 10 MB, `die` ends the server in the call, `sleep` never answers, `silent` neither, but the
server goes on, `rubbish` answers what is no result, `refuse` answers the error that the SDK has for a closed
connection, `env` gives the environment, `child` starts a process that outlives the call, in a session of its own where
the text is `away`, without an environment where it is `bare`, `resource` gives its text as a resource.
"""

import json
import os
import sqlite3
import subprocess
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
    tool("silent"), tool("refuse"), tool("env"), tool("child", text=TEXT), tool("resource", text=TEXT),
]  # fmt: skip


def listed():
    if "paths" in ways:
        schema = {"type": "object", "properties": {str(Path.cwd()): {"enum": [f"{Path.cwd()}/a"]}}}
        return [{"name": "read", "description": f"Reads below {Path.cwd()} only.", "inputSchema": schema}]
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
    if name == "env":
        text = json.dumps(dict(os.environ))
    if name == "child":
        quiet = subprocess.DEVNULL
        how = {"away": {"start_new_session": True}, "bare": {"env": {}}}.get(text, {})
        child = subprocess.Popen(["/bin/sleep", "300"], stdin=quiet, stdout=quiet, stderr=quiet, **how)
        text = str(child.pid)
    if name == "resource":
        return {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": text}}]}
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
    elif method == "tools/call" and params["name"] == "silent":
        continue
    elif method == "tools/call" and params["name"] == "refuse":
        error = {"code": -32000, "message": "Connection closed"}
        send({"jsonrpc": "2.0", "id": message["id"], "error": error})
        continue
    elif method == "tools/call":
        result = called(params["name"], params.get("arguments") or {})
    else:
        send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no such method"}})
        continue
    send({"jsonrpc": "2.0", "id": message["id"], "result": result})
