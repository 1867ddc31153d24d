from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_synthesis.sandbox import ConfinementLevel, Limits, LocalSandbox, SandboxUnavailable

sys.path.insert(0, str(Path(__file__).parent))  # for the tables of attacks

LIMITS = Limits(memory_bytes=128 << 20, cpu_seconds=1, output_bytes=1 << 16, load_seconds=5.0)
CONFINED = [ConfinementLevel.SECCOMP, ConfinementLevel.LANDLOCK, ConfinementLevel.NAMESPACES]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    """The strongest sandbox of this machine, with small limits."""
    with LocalSandbox(limits=LIMITS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=CONFINED, ids=lambda level: level.name)
def each_level(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    """One sandbox for each level of confinement that this machine has."""
    try:
        sandbox = LocalSandbox(request.param, LIMITS, maximum=request.param)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    with sandbox:
        yield sandbox
