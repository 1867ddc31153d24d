"""The cut of weakly decomposed questions, on the mean of the four scores: absolute, or as a quantile of the run's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Decomposition


async def cut(whole: Decomposition, *, minimum: float) -> Decomposition:
    """Lets pass what reaches `minimum` on the mean of its scores (the paper's QS).

    Raises:
        Rejected: `low_score`; names the four. `not_scored`, where one of them is unknown.
    """
    mean = whole.scores.mean()
    shown = ", ".join(
        f"{name} {'unknown' if value is None else f'{value:.2f}'}"
        for name, value in whole.scores.model_dump().items()
    )
    if mean is None:
        raise Rejected("not_scored", f"no mean without all four scores: {shown}")
    if mean < minimum:
        raise Rejected("low_score", f"the mean is {mean:.3f}, under {minimum:g}: {shown}")
    return whole


def quantile(scored: Iterable[Decomposition], share: float) -> float:
    """The mean score below which `share` of the scored decompositions lie; 0 where none is scored.

    Scores are coarse, so many means are equal: whatever equals the quantile passes.
    """
    means = [mean for whole in scored if (mean := whole.scores.mean()) is not None]
    return float(np.quantile(means, share, method="inverted_cdf")) if means else 0.0
