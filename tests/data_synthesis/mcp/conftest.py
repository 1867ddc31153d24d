import sys
from pathlib import Path

import pytest

from data_synthesis.records import Reach

pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra `synthesis`)")

BAD_SERVER = str(Path(__file__).with_name("bad_server.py"))


@pytest.fixture
def reach():
    """Of the bad server that misbehaves in the ways that are named."""

    def make(*ways: str, seed: str = "") -> Reach:
        return Reach(kind="stdio", command=[sys.executable, BAD_SERVER, *ways], seed_folder=seed)

    return make
