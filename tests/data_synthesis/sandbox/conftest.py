from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_synthesis.sandbox import ConfinementLevel, Limits, LocalSandbox, SandboxUnavailable

sys.path.insert(0, str(Path(__file__).parent))  # for the tables of attacks

from attacks.world import ENVIRONMENT_NAME, SECRET, World

os.environ[ENVIRONMENT_NAME] = SECRET  # before any sandbox starts

LIMITS = Limits(memory_bytes=128 << 20, cpu_seconds=1, output_bytes=1 << 16, load_seconds=5.0)
CONFINED = [ConfinementLevel.SECCOMP, ConfinementLevel.LANDLOCK, ConfinementLevel.NAMESPACES]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    """The strongest sandbox of this machine, with small limits."""
    with LocalSandbox(limits=LIMITS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def inheritable_pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end any process would inherit."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def world(inheritable_pipe: tuple[int, int]) -> Iterator[World]:
    """Canaries for one attack to reach."""
    world = World(inheritable_pipe)
    yield world
    world.close()


@pytest.fixture(scope="session", params=CONFINED, ids=lambda level: level.name)
def each_level(request: pytest.FixtureRequest, inheritable_pipe: tuple[int, int]) -> Iterator[LocalSandbox]:
    """One sandbox for each level of confinement that this machine has."""
    try:
        sandbox = LocalSandbox(request.param, LIMITS, maximum=request.param)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox
