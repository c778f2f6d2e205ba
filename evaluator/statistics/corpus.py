"""Intervals of corpus statistics, which are no means of per-study scores, from their sufficient statistics.

F1 over a corpus is a function of summed counts. Resampling patients therefore needs only the counts
of each study: draw the weights, sum the counts, apply the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np

from evaluator.statistics import bootstrap
from evaluator.statistics.bootstrap import DRAWS, Clusters, FloatArray

Statistic = Callable[[FloatArray], FloatArray]
"""From summed counts, shape (B, K), to one value a row, shape (B,)."""
Interval = Literal["percentile", "bca", "none"]
"""How an interval is made of the draws; `none` where no way was shown to hold its level."""


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


def value_draws(
    blocks: Sequence[tuple[FloatArray, Statistic]], clusters: Clusters, seed: int, draws: int = DRAWS
) -> FloatArray:
    """The statistic of every block of per-study counts in every draw, shape (draws, blocks), in one pass over the weights."""
    ends = np.cumsum([0, *(counts.shape[1] for counts, _ in blocks)]).tolist()
    sums = np.hstack([clusters.sums(counts) for counts, _ in blocks])
    out = np.empty((draws, len(blocks)))
    start = 0
    for weights in bootstrap.weight_chunks(clusters, seed, draws):
        totals = weights @ sums
        for j, (_, statistic) in enumerate(blocks):
            out[start : start + len(weights), j] = statistic(totals[:, ends[j] : ends[j + 1]])
        start += len(weights)
    return out


def value(counts: FloatArray, statistic: Statistic) -> float:
    """The statistic of the summed counts, in [0, 1], from per-study counts of shape (n, K)."""
    return float(statistic(counts.sum(axis=0, dtype=np.float64)[None, :])[0])


def estimate(
    counts: FloatArray,
    clusters: Clusters,
    seed: int,
    statistic: Statistic,
    draws: int = DRAWS,
    interval: Interval = "percentile",
) -> CorpusEstimate:
    """The statistic of the summed counts, shape (n, K), with its 95 % interval, on the weights that the means use."""
    point = value(counts, statistic)
    if clusters.n < bootstrap.MIN_CLUSTERS or interval == "none":
        return CorpusEstimate(point, None, None, None)
    replicates = statistic(draw_totals(counts, clusters, seed, draws))
    levels = _bca_levels(counts, clusters, statistic, replicates) if interval == "bca" else (0.025, 0.975)
    low, high = np.quantile(replicates, levels)
    return CorpusEstimate(point, float(replicates.std(ddof=1)), float(low), float(high))


def difference(
    a: FloatArray,
    b: FloatArray,
    clusters: Clusters,
    seed: int,
    statistic: Statistic,
    interval: Interval = "percentile",
) -> CorpusEstimate:
    """The statistic of `a` minus that of `b`, both counts of the same studies, shape (n, K), with its 95 % interval.

    Paired: one set of weights for both.
    """
    k = a.shape[1]

    def apart(totals: FloatArray) -> FloatArray:
        return np.asarray(statistic(totals[:, :k]) - statistic(totals[:, k:]))

    return estimate(np.hstack([a, b]), clusters, seed, apart, interval=interval)


def _bca_levels(
    counts: FloatArray, clusters: Clusters, statistic: Statistic, replicates: FloatArray
) -> tuple[float, float]:
    """The quantiles of a bias-corrected and accelerated interval (Efron 1987); patients are left out one by one."""
    normal = NormalDist()
    point = value(counts, statistic)
    below = (np.mean(replicates < point) + np.mean(replicates <= point)) / 2
    bias = normal.inv_cdf(float(np.clip(below, 1e-6, 1 - 1e-6)))
    sums = clusters.sums(counts)
    without = statistic(sums.sum(axis=0) - sums)
    pull = without.mean() - without
    spread = float((pull**2).sum()) ** 1.5
    skew = float((pull**3).sum()) / (6 * spread) if spread else 0.0

    def level(tail: float) -> float:
        z = bias + normal.inv_cdf(tail)
        return normal.cdf(bias + z / (1 - skew * z))

    return level(0.025), level(0.975)


def micro_f1(totals: FloatArray) -> FloatArray:
    """Micro F1 in [0, 1] per row, shape (rows,), of (label × (true positives, false positives, false negatives)), flattened.

    >>> micro_f1(np.array([[1.0, 0, 1, 3, 2, 1]])).round(4).tolist()
    [0.6667]
    """
    return _f1(totals.reshape(len(totals), -1, 3).sum(axis=1))


def macro_f1(totals: FloatArray) -> FloatArray:
    """Mean over labels of their F1, in [0, 1], shape (rows,), in the layout of `micro_f1`; a label nobody has scores 0."""
    return np.asarray(_f1(totals.reshape(len(totals), -1, 3)).mean(axis=1))


def macro_share(totals: FloatArray) -> FloatArray:
    """Mean over groups of their share of right answers, in [0, 1], shape (rows,), from rows of (group × (right, asked)), flattened.

    Groups that were not asked are left out; 0 without any. The macro accuracy of a question set is this with one
    group a skill.

    >>> macro_share(np.array([[1.0, 2, 3, 3, 0, 0]])).tolist()
    [0.75]
    """
    n_right, n_asked = np.moveaxis(totals.reshape(len(totals), -1, 2), -1, 0)
    share = np.divide(n_right, n_asked, out=np.zeros_like(n_right), where=n_asked > 0)
    groups = (n_asked > 0).sum(axis=1)
    return np.asarray(share.sum(axis=1) / np.maximum(groups, 1))


def macro_shares(counts: FloatArray) -> FloatArray:
    """Each study's part of the `macro_share` of all of them, times n, shape (n,), from counts of shape (n, 2S) for S groups.

    Their mean is the figure: a right answer weighs n / (groups x studies asked in its group), whichever way it went.

    >>> macro_shares(np.array([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]])).tolist()
    [0.75, 0.0, 1.5]
    """
    n_right, n_asked = np.moveaxis(counts.reshape(len(counts), -1, 2), -1, 0)
    totals = n_asked.sum(axis=0)
    below = totals * (totals > 0).sum()
    weights = np.divide(len(counts), below, out=np.zeros_like(below), where=below > 0)
    return np.asarray(n_right @ weights)


STATISTICS: Final[Mapping[str, Statistic]] = {
    "micro_f1": micro_f1,
    "macro_f1": macro_f1,
    "macro_share": macro_share,
}
"""By the name that a metric declares."""


def _f1(counts: FloatArray) -> FloatArray:
    """F1 over the last axis (true positives, false positives, false negatives); 0 without any."""
    hits, extra, lost = np.moveaxis(counts, -1, 0)
    below = 2 * hits + extra + lost
    return np.asarray(np.divide(2 * hits, below, out=np.zeros_like(below), where=below > 0))
