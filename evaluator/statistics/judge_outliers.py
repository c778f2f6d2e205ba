"""Studies whose judge score is far from what deterministic metrics predict.

A judge reads participants' texts, which could manipulate it; RadGraph-F1 and RaTEScore cannot be manipulated
that way. The expectation for a study is the median judge score of studies with about the same evidence, and
never more than for those with more evidence. If a judge is manipulated in most studies, the expectation moves
too, so a score near the best with hardly any evidence always counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics.ties import TIE, levels

MIN_STUDIES: Final = 30
"""With fewer studies, neighbours say too little."""
MIN_NEIGHBOURS: Final = 15
NEIGHBOUR_SHARE: Final = 0.05
FAR: Final = 0.5
"""A deviation of half of the judge's scale from 0 to 1. Smaller ones are common because findings are counted."""
NEAR_BEST: Final = 0.8
HARDLY_ANY: Final = (0.05, 0.40)
"""RadGraph-F1 and RaTEScore of reports that have almost nothing in common."""


def judge_outliers(
    judge: NDArray[np.float64], evidence: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """(far above, far below) per study, each of shape (n,), or `None` with too few studies to tell.

    `judge`: shape (n,), 0 worst to 1 best. `evidence`: shape (n, 2), RadGraph-F1 and RaTEScore. Ties and the
    order of the studies only affect which neighbours with equal evidence are used.
    """
    n = judge.size
    if n < MIN_STUDIES:
        return None
    # Mean ranks: the two metrics have different scales, and only their order matters.
    ranks = np.mean([_ranks(column) for column in evidence.T], axis=0)
    order = np.lexsort((levels(judge), ranks))  # tie: the judge's level, then the order of the studies
    width = max(MIN_NEIGHBOURS, int(NEIGHBOUR_SHARE * n))
    starts = np.clip(np.arange(n) - width // 2, 0, n - width)
    windows = judge[order][starts[:, None] + np.arange(width)]
    medians = np.median(windows, axis=1)
    # More evidence never lowers the expectation: otherwise many raised scores would raise their own.
    above = np.empty(n, dtype=np.bool_)
    below = np.empty(n, dtype=np.bool_)
    above[order] = judge[order] - np.minimum.accumulate(medians[::-1])[::-1] >= FAR - TIE
    below[order] = np.maximum.accumulate(medians) - judge[order] >= FAR - TIE
    return above | ((judge >= NEAR_BEST - TIE) & (evidence <= HARDLY_ANY).all(axis=1)), below


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, equal values sharing their mean rank."""
    place = levels(values)
    counts = np.bincount(place)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[place], dtype=np.float64)
