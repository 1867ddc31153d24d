"""Each attack works in a plain process, and fails in a session at every level of confinement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from attacks import ATTACKS
from attacks.case import Attack, Outcome
from attacks.world import ENVIRONMENT_NAME, SECRET, World

from data_synthesis.sandbox import LocalSandbox, SandboxError, SandboxUnavailable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the attacks and the confinement are Linux's")

NAIVE = """
import json, sys
request = json.loads(sys.stdin.read())
names = {}
exec(request["source"], names)
value = names["attack"](request["w"])
print()
print(json.dumps({"value": value}))
"""


@pytest.fixture(scope="module")
def bystander(each_level):
    with each_level.open({"ping": "def ping():\n    return 'pong'"}) as session:
        yield session


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_works_without_confinement(attack: Attack, world: World):
    world.patience = 10.0
    outcome = in_this_process(attack, world) if attack.in_process else in_a_plain_process(attack, world)
    if not attack.worked(world, outcome):
        if attack.needs:
            pytest.skip(f"does not work here even unconfined, for it needs {attack.needs}: {outcome.error}")
        pytest.fail(f"the attack is not one: {outcome}")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_fails_with_confinement(attack: Attack, world: World, each_level: LocalSandbox, bystander):
    outcome = in_a_session(attack, world, each_level)
    assert not attack.worked(world, outcome), outcome
    assert not outcome.broke_caller, outcome
    assert bystander.call("ping", {}, 5.0) == "pong"


def test_there_are_enough_of_them():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 50


def in_a_plain_process(attack: Attack, world: World) -> Outcome:
    """A fresh interpreter whose last line of output is the result: what one writes before thinking of attacks."""
    request = json.dumps({"source": attack.source, "w": world.facts()})
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", NAIVE],
        input=request.encode(),
        capture_output=True,
        timeout=60,
        pass_fds=[world.pipe[1]],
        check=False,
    )
    seen = {"output_bytes": len(done.stdout), "seconds": time.monotonic() - started}
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return Outcome(error=done.stderr.decode(errors="replace").strip().rpartition("\n")[2], **seen)
    try:
        return Outcome(value=json.loads(lines[-1].decode())["value"], **seen)
    except (ValueError, RecursionError) as error:
        return Outcome(error=repr(error)[:300], broke_caller=True, **seen)


def in_this_process(attack: Attack, world: World) -> Outcome:
    names: dict = {}
    exec(attack.source, names)
    return Outcome(value=names["attack"](world.facts()))


def in_a_session(attack: Attack, world: World, sandbox: LocalSandbox) -> Outcome:
    started = time.monotonic()
    source = f"MACHINE = {world.facts()['machine']!r}\n" + attack.source
    try:
        with sandbox.open({"attack": source}) as session:
            value = session.call("attack", {"w": world.facts()}, attack.deadline)
    except SandboxUnavailable:
        raise
    except SandboxError as error:
        return Outcome(error=repr(error), seconds=time.monotonic() - started)
    except Exception as error:
        return Outcome(error=repr(error), broke_caller=True)
    size = len(json.dumps(value))
    return Outcome(value=value, output_bytes=size, seconds=time.monotonic() - started)


def test_the_canaries_are_in_place():
    assert os.environ[ENVIRONMENT_NAME] == SECRET
