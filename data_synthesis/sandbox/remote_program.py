"""Writes the program that a remote server runs: the loader, the sources, one call, and the reply behind a marker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .world import ORDINARY, World

NO_SUCH_WORLD = (
    "NoSuchWorld"  # the error in a reply where the server's Python cannot be put into another world
)

_HERE = """
import json
import os
import sys
import types


def _package(texts):
    sys.modules["inside"] = package = types.ModuleType("inside")
    package.__path__ = []
    for name, text in texts.items():
        module = types.ModuleType("inside." + name)
        module.__package__ = "inside"
        sys.modules[module.__name__] = module
        exec(compile(text, module.__name__, "exec", dont_inherit=True), module.__dict__)


def _move_clock(seconds):
    if seconds:
        try:
            from inside import clock

            clock.move(seconds)
        except (ImportError, RuntimeError) as error:
            from inside.tools import Failure

            raise Failure("NoSuchWorld", str(error))


def _main(request):
    from inside.tools import Failure, Toolbox

    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    toolbox = Toolbox()
    try:
        _move_clock(request["clock_shift"])
        toolbox.load(request["load"], request["traced"])
        text = toolbox.call(request["name"], request["arguments"]) if "name" in request else "null"
        reply = {"result": json.loads(text)}
    except Failure as failure:
        reply = {"error": failure.kind, "message": failure.message}
    except MemoryError:
        reply = {"error": "MemoryError"}
    out.write("\\n" + request["marker"] + json.dumps({**reply, "usage": toolbox.usage()}) + "\\n")
    out.flush()
    os._exit(0)


_package(json.loads(%s))
_main(json.loads(%s))
"""
# The seed of the hashes is fixed when an interpreter starts, so the program is handed to a new one.
_ELSEWHERE = """
import json
import os
import sys

program, environment, marker = json.loads(%s)
try:
    file = os.memfd_create("program")
    with os.fdopen(file, "wb", closefd=False) as out:
        out.write(program.encode())
    os.lseek(file, 0, os.SEEK_SET)
    os.dup2(file, 0)
    command = [sys.executable, "-s", "-c", "import sys; exec(sys.stdin.buffer.read())"]
    os.execve(sys.executable, command, {**os.environ, **environment})
except (OSError, AttributeError, ValueError) as error:
    print("\\n" + marker + json.dumps({"error": "NoSuchWorld", "message": str(error)}))
"""


def write(
    sources: Mapping[str, str],
    call: Mapping[str, Any] | None,
    marker: str,
    world: World = ORDINARY,
    traced: bool = False,
) -> str:
    """A Python program that loads `sources`, makes `call` (`name`, `arguments`) if there is one, and prints one line:
    `marker`, then the reply as JSON.

    Args:
        world: the ordinary one is the server's own, whatever its hash seed and its time zone are.

    Raises:
        ValueError, TypeError, RecursionError: the call is not JSON.
    """
    settings = {"marker": marker, "clock_shift": world.clock_shift, "traced": traced}
    request = {"load": dict(sources), **settings, **(call or {})}
    program = _HERE % (repr(_texts()), repr(json.dumps(request, allow_nan=False)))
    if world == ORDINARY:
        return program
    return _ELSEWHERE % repr(json.dumps([program, world.environment, marker]))


def reply_line(stdout: str, marker: str) -> str | None:
    """What the program printed behind its marker, or None where it did not come that far."""
    lines = [line for line in stdout.splitlines() if line.startswith(marker)]
    return lines[-1].removeprefix(marker) if lines else None


@cache
def _texts() -> str:
    """The modules that the program needs, as JSON, each after those that it imports."""
    folder = Path(__file__).parent / "inside"
    return json.dumps(
        {name: (folder / f"{name}.py").read_text("utf-8") for name in ("trace", "tools", "clock")}
    )
