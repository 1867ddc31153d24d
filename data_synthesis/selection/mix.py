"""Sampling to a wanted mix of scenarios: how many of each, and which."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import get_args

from data_synthesis.records import Scenario
from data_synthesis.selection.errors import SelectionError

SCENARIOS: tuple[str, ...] = get_args(Scenario)

Mix = Mapping[str, Fraction]  # stratum -> its share; they sum to 1


class BadMix(SelectionError):
    """A mix that cannot be used."""


@dataclass(frozen=True)
class Item:
    """What sampling knows of an arena."""

    id: str
    stratum: str
    domain: str


def mix_of(weights: Mapping[str, float]) -> Mix:
    """Shares in proportion to `weights`, exact: 47.8 is 478/10, not the nearest binary fraction.

    Raises:
        BadMix: a weight is negative or no number, or all are 0.
    """
    shares: dict[str, Fraction] = {}
    for stratum, weight in weights.items():
        try:
            shares[stratum] = Fraction(str(weight))
        except (ValueError, ZeroDivisionError) as error:
            raise BadMix(f"the share of `{stratum}` is {weight!r}, which is no number") from error
        if shares[stratum] < 0:
            raise BadMix(f"the share of `{stratum}` is {weight}, which is negative")
    if not (total := sum(shares.values())):
        raise BadMix("the shares of the mix sum to 0")
    return {stratum: share / total for stratum, share in shares.items()}


# ASTRA (arXiv 2601.21558), the scenario types of its 6,596 RL instances, in percent.
PAPER_MIX: Mix = mix_of(
    {"single_hop": 6.8, "parallel_single_hop": 10.6, "multi_hop": 34.8, "parallel_multi_hop": 47.8}
)


def read_mix(name: str) -> Mix | None:
    """The mix that `name` stands for: `paper`, `none` (null), or a JSON file of `{scenario: weight}`.

    Raises:
        BadMix: names the file and what is wrong with it.
    """
    if name == "none":
        return None
    if name == "paper":
        return PAPER_MIX
    try:
        weights = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadMix(
            f"{name} is no mix: it is not `paper`, not `none`, and cannot be read ({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadMix(f"{name} is not JSON ({error})") from error
    if not isinstance(weights, dict):
        raise BadMix(f"{name} is not a JSON object of scenario and weight")
    if unknown := sorted(weights.keys() - set(SCENARIOS)):
        raise BadMix(f"{name} names `{unknown[0]}`, which is none of {', '.join(SCENARIOS)}")
    try:
        return mix_of(weights)
    except BadMix as error:
        raise BadMix(f"{name}: {error}") from error


def quotas(mix: Mix, size: int) -> dict[str, int]:
    """How many of `size` each stratum gets, by largest remainder: each is less than 1 off its exact share.

    Equal remainders are served in the order of the mix.
    """
    exact = {stratum: share * size for stratum, share in mix.items()}
    counts = {stratum: floor(share) for stratum, share in exact.items()}
    by_remainder = sorted(exact, key=lambda stratum: counts[stratum] - exact[stratum])
    for stratum in by_remainder[: size - sum(counts.values())]:
        counts[stratum] += 1
    return counts


def largest(mix: Mix, available: Mapping[str, int]) -> int:
    """The largest size whose quotas `available` can fill."""
    wanted = [stratum for stratum, share in mix.items() if share]
    size = sum(available.get(stratum, 0) for stratum in wanted)
    for stratum in wanted:  # a quota is never below the exact share rounded down
        size = min(size, ceil((available.get(stratum, 0) + 1) / mix[stratum]) - 1)
    while lacking(mix, available, size):
        size -= 1
    return size


def lacking(mix: Mix, available: Mapping[str, int], size: int) -> list[str]:
    """The strata that cannot fill their quota of `size`."""
    return [stratum for stratum, quota in quotas(mix, size).items() if quota > available.get(stratum, 0)]


def sample(items: Sequence[Item], counts: Mapping[str, int], seed: int) -> list[int]:
    """The positions of the sampled items, ascending: `counts[stratum]` of each stratum, or all there are.

    Within a stratum, domains take turns, so that none fills it. The choice depends on the seed, the ids, the strata
    and the domains, not on the order of the items; and a larger count takes what a smaller one took, and more.
    """
    chosen: list[int] = []
    for stratum, count in counts.items():
        domains: dict[str, list[int]] = defaultdict(list)
        for position, item in enumerate(items):
            if item.stratum == stratum:
                domains[item.domain].append(position)
        turns: list[tuple[int, str, int]] = []
        for domain, positions in domains.items():
            positions.sort(key=lambda position: _rank(seed, items[position].id))
            rank = _rank(seed, f"{stratum} {domain}")
            turns += [(turn, rank, position) for turn, position in enumerate(positions)]
        chosen += [position for _, _, position in sorted(turns)[:count]]
    return sorted(chosen)


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
