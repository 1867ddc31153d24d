"""The official tasks, environments and evaluators through our path; skipped where they are not installed."""

import asyncio
from pathlib import Path

import pytest

from astra_jax.evaluation.tau2.golden import GoldenPair
from astra_jax.evaluation.tau2.play import play
from astra_jax.evaluation.tau2.records import Tau2Item
from astra_jax.evaluation.tau2.world import Tau2World

PYTHON = Path(__file__).parents[4] / ".venv-tau2" / "bin" / "python"
COUNTS = {"airline": 50, "retail": 114, "telecom": 114}


class ShortPair(GoldenPair):
    """Leaves out every action."""

    async def open(self, item, simulation):
        agent, user = await super().open(item, simulation)
        agent._script.clear()
        return agent, user


def rewards(domain, pair, most=None):
    if not PYTHON.exists():
        pytest.skip(f"tau2-bench is not installed: `make tau2` makes {PYTHON.parent.parent.name}")

    async def run():
        world = Tau2World(PYTHON, workers=2)

        async def one(task):
            async with world.simulation(domain, task) as simulation:
                return (await play(Tau2Item(domain=domain, task=task, trial=0), pair, simulation)).reward

        try:
            return await asyncio.gather(*map(one, (await world.tasks(domain))[:most]))
        finally:
            await world.close()

    return asyncio.run(run())


def test_golden_actions_are_rewarded_and_their_absence_is_not():
    assert rewards("telecom", GoldenPair(), most=3) == [1.0] * 3
    assert rewards("telecom", ShortPair(), most=3) == [0.0] * 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("domain", COUNTS)
def test_golden_actions_are_rewarded_in_every_task(domain):
    assert rewards(domain, GoldenPair()) == [1.0] * COUNTS[domain]
