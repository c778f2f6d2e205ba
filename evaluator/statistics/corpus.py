"""Intervals of corpus statistics, which are no means of per-study scores, from their sufficient statistics.

F1 over a corpus is a function of summed counts. Resampling patients therefore needs only the counts
of each study: draw the weights, sum the counts, apply the function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics import bootstrap
from evaluator.statistics.bootstrap import DRAWS, Clusters, FloatArray

Statistic = Callable[[FloatArray], FloatArray]
"""From summed counts, shape (B, K), to one value a row, shape (B,)."""


@dataclass(frozen=True, slots=True)
class CorpusEstimate:
    """A corpus statistic, its standard error and 95 % interval; `None` with fewer than 30 patients."""

    value: float
    se: float | None
    low: float | None
    high: float | None


def draw_totals(counts: FloatArray, clusters: Clusters, seed: int, draws: int = DRAWS) -> FloatArray:
    """Summed counts of every draw, shape (draws, K), from per-study counts of shape (n, K).

    Exact, since whole numbers are.
    """
    sums = clusters.sums(counts)
    return np.vstack([weights @ sums for weights in bootstrap.weight_chunks(clusters, seed, draws)])


def estimate(
    counts: FloatArray, clusters: Clusters, seed: int, statistic: Statistic, draws: int = DRAWS
) -> CorpusEstimate:
    """The statistic of the summed counts with its interval, on the weights that the means use."""
    value = float(statistic(counts.sum(axis=0, dtype=np.float64)[None, :])[0])
    if clusters.n < bootstrap.MIN_CLUSTERS:
        return CorpusEstimate(value, None, None, None)
    drawn = statistic(draw_totals(counts, clusters, seed, draws))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return CorpusEstimate(value, float(drawn.std(ddof=1)), float(low), float(high))


def micro_f1(totals: FloatArray) -> FloatArray:
    """Micro F1 of rows of (label × (true positives, false positives, false negatives)), flattened.

    >>> micro_f1(np.array([[1.0, 0, 1, 3, 2, 1]])).round(4).tolist()
    [0.6667]
    """
    return _f1(totals.reshape(len(totals), -1, 3).sum(axis=1))


def macro_f1(totals: FloatArray) -> FloatArray:
    """Mean over labels of their F1, in the layout of `micro_f1`; a label nobody has scores 0."""
    return np.asarray(_f1(totals.reshape(len(totals), -1, 3)).mean(axis=1))


def f1_estimates(counts: NDArray[np.integer], clusters: Clusters, seed: int) -> dict[str, CorpusEstimate]:
    """`micro_f1` and `macro_f1` with intervals from counts of shape (n, labels, 3)."""
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    return {
        "micro_f1": estimate(flat, clusters, seed, micro_f1),
        "macro_f1": estimate(flat, clusters, seed, macro_f1),
    }


def _f1(counts: FloatArray) -> FloatArray:
    """F1 over the last axis (true positives, false positives, false negatives); 0 without any."""
    hits, extra, lost = np.moveaxis(counts, -1, 0)
    below = 2 * hits + extra + lost
    return np.asarray(np.divide(2 * hits, below, out=np.zeros_like(below), where=below > 0))
