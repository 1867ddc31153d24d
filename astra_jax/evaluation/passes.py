"""pass@k and pass^k of several tries at each item, without bias, with intervals over items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from statistics import mean
from typing import Any

from astra_jax.evaluation.bootstrap import mean_ci95


def pass_at_k(tries: int, passed: int, k: int) -> float:
    """The chance that at least one of k tries passes: of all choices of k of the `tries`, the share with a pass.

    Raises:
        ValueError: there are fewer than k tries, or more passes than tries.

    Source: Chen et al., Evaluating Large Language Models Trained on Code (2021), equation 1.
    """
    _check(tries, passed, k)
    return 1.0 - comb(tries - passed, k) / comb(tries, k)


def pass_hat_k(tries: int, passed: int, k: int) -> float:
    """pass^k, the chance that all of k tries pass: of all choices of k of the `tries`, the share of only passes.

    Raises:
        ValueError: as `pass_at_k`.

    Source: Yao et al., tau-bench (2024), section 5.
    """
    _check(tries, passed, k)
    return comb(passed, k) / comb(tries, k)


def pass_rates(outcomes: Mapping[str, Sequence[bool]], seed: int = 0) -> dict[str, Any]:
    """Both for k = 1, 2, 4, … and the largest number of tries, with 95 % bootstrap intervals over items.

    An item with fewer than k tries of known outcome says nothing about that k and is left out of it.

    Returns:
        `{"pass@1": {"mean", "ci95": [low, high], "items"}, "pass^1": …, …}`; nothing where nothing is known.
    """
    counts = [(len(tries), sum(tries)) for tries in outcomes.values()]
    found: dict[str, Any] = {}
    for k in _sizes(max((tries for tries, _ in counts), default=0)):
        enough = [count for count in counts if count[0] >= k]
        for name, estimate in (("pass@", pass_at_k), ("pass^", pass_hat_k)):
            values = [estimate(*count, k) for count in enough]
            found[f"{name}{k}"] = {
                "mean": mean(values),
                "ci95": list(mean_ci95(values, seed)),
                "items": len(values),
            }
    return found


def _sizes(most: int) -> list[int]:
    powers = [2**i for i in range(most.bit_length()) if 2**i <= most]
    return powers if most in (*powers, 0) else [*powers, most]


def _check(tries: int, passed: int, k: int) -> None:
    if not (0 < k <= tries and 0 <= passed <= tries):
        raise ValueError(f"no choice of {k} of {tries} tries of which {passed} passed")
