"""Why a gold call gave another output in another world."""

from __future__ import annotations

from dataclasses import replace

from data_synthesis.arenas.evidence import Evidence, sources_of
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.structure import Finding, label
from data_synthesis.arenas.trial import Trial
from data_synthesis.records import Arena
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.sandbox.world import ORDINARY, World


def difference(
    one: Evidence, arena: Arena, sandbox: Sandbox, known: set[str], settings: ProofSettings
) -> Finding:
    """Makes the call alone in more sessions: of either world again, and where the hashes alone are other ones.

    Args:
        known: reasons that reading the sources has found; one of them that explains the difference is taken for it.
    """

    def same_in(world: World) -> bool:
        with Trial(sources_of(arena.tools), sandbox, world) as trial:
            outcome = trial.call(one.gold.tool, one.gold.arguments, settings.call_seconds)
        return outcome.text == one.first.text

    if said := sorted(known & {"clock_or_random", "non_deterministic"}):
        reason, why = said[0], "two fresh sessions"
    elif not same_in(ORDINARY):
        reason, why = "clock_or_random", "two fresh sessions of one world, by a clock or by chance"
    elif same_in(settings.world):
        reason, why = "non_deterministic", "two sessions in which other calls went before it"
    elif same_in(replace(ORDINARY, hash_seed=settings.world.hash_seed)):
        reason, why = "clock_or_random", "two worlds whose clocks and time zones differ"
    else:
        reason, why = "non_deterministic", "two worlds whose hashes differ, as does the order of a set"
    return Finding("determinism", reason, f"{label(one.gold)} returned two outputs in {why}")
