"""From a group's rewards to advantages and loss weights. The trainer does not know which algorithm runs."""

from astra_jax.rl.algorithms.named import ALGORITHMS, Parts, make_algorithm, parts_of
from astra_jax.rl.algorithms.policy_gradient import PolicyGradient
from astra_jax.rl.algorithms.signal import Algorithm, GroupSignal, is_informative

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "GroupSignal",
    "Parts",
    "PolicyGradient",
    "is_informative",
    "make_algorithm",
    "parts_of",
]
