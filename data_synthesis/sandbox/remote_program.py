"""Writes the program that a remote server runs: the loader, the sources, one call, and the reply behind a marker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_MAIN = """

def _main(request):
    import os

    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    try:
        tools = load(request["load"])
        text = call(tools, request["name"], request["arguments"]) if "name" in request else "null"
        reply = {"result": json.loads(text)}
    except Failure as failure:
        reply = {"error": failure.kind, "message": failure.message}
    except MemoryError:
        reply = {"error": "MemoryError"}
    out.write("\\n" + request["marker"] + json.dumps(reply) + "\\n")
    out.flush()
    os._exit(0)


_main(json.loads(%s))
"""


def write(sources: Mapping[str, str], call: Mapping[str, Any] | None, marker: str) -> str:
    """A Python program that loads `sources`, makes `call` (`name`, `arguments`) if there is one, and prints one line:
    `marker`, then the reply as JSON.

    Raises:
        ValueError, TypeError, RecursionError: the call is not JSON.
    """
    request = {"load": dict(sources), "marker": marker, **(call or {})}
    return _loader() + _MAIN % repr(json.dumps(request, allow_nan=False))


def reply_line(stdout: str, marker: str) -> str | None:
    """What the program printed behind its marker, or None where it did not come that far."""
    lines = [line for line in stdout.splitlines() if line.startswith(marker)]
    return lines[-1].removeprefix(marker) if lines else None


@cache
def _loader() -> str:
    return (Path(__file__).parent / "inside" / "tools.py").read_text(encoding="utf-8")
