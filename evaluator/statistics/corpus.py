"""Intervals of corpus statistics, which are not means of per-study scores, from their sufficient statistics.

F1 over a corpus is a function of summed counts. Resampling patients therefore needs only the counts
of each study: draw the weights, sum the counts, apply the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np

from evaluator.statistics import bootstrap
from evaluator.statistics.bootstrap import DRAWS, Clusters, FloatArray

Statistic = Callable[[FloatArray], FloatArray]
"""From summed counts, shape (B, K), to one value per row, shape (B,)."""
Interval = Literal["percentile", "bca", "none"]
"""How an interval is computed from the draws; `none` if no method was shown to keep its level."""


MAX_SUMS: Final = 40_000_000
"""Most summed counts in memory at a time, 160 MB: those of 250 models take several passes over the weights."""


@dataclass(frozen=True, slots=True)
class CorpusEstimate:
    """A corpus statistic, its standard error and 95 % interval; `None` with fewer than 30 patients."""

    value: float
    se: float | None
    low: float | None
    high: float | None


def draw_totals(counts: FloatArray, clusters: Clusters, seed: int, draws: int = DRAWS) -> FloatArray:
    """Summed counts of every draw, shape (draws, K), from per-study counts of shape (n, K).

    Exact, since the counts are integers.
    """
    sums = clusters.sums(counts)
    chunks = bootstrap.weight_chunks(clusters, seed, draws)
    return np.vstack([weights.astype(np.float64) @ sums for weights in chunks])


def value_draws(
    blocks: Sequence[tuple[FloatArray, Statistic]], clusters: Clusters, seed: int, draws: int = DRAWS
) -> FloatArray:
    """The statistic of every block of per-study counts in every draw, shape (draws, blocks).

    A pass over the weights takes as many blocks as fit into `MAX_SUMS`; totals are exact, and so independent
    of the other blocks.
    """
    out = np.empty((draws, len(blocks)))
    for part in _parts([counts.shape[1] for counts, _ in blocks], max(1, MAX_SUMS // clusters.n)):
        _fill(out[:, part], blocks[part], clusters, seed)
    return out


def _parts(widths: Sequence[int], most: int) -> Iterator[slice]:
    """Consecutive items of at most `most` columns together, at least one at a time."""
    start = total = 0
    for place, width in enumerate(widths):
        if place > start and total + width > most:
            yield slice(start, place)
            start, total = place, 0
        total += width
    if widths:
        yield slice(start, len(widths))


def _fill(
    out: FloatArray, blocks: Sequence[tuple[FloatArray, Statistic]], clusters: Clusters, seed: int
) -> None:
    """Fills `out`, shape (draws, blocks)."""
    ends = np.cumsum([0, *(counts.shape[1] for counts, _ in blocks)]).tolist()
    # Single precision multiplies twice as fast and is exact for integers of this size.
    exact = all(_fits(counts, clusters) for counts, _ in blocks)
    sums = np.empty((clusters.n, ends[-1]), dtype=np.float32 if exact else np.float64)
    for j, (counts, _) in enumerate(blocks):
        sums[:, ends[j] : ends[j + 1]] = clusters.sums(counts)
    start = 0
    for weights in bootstrap.weight_chunks(clusters, seed, len(out)):
        totals = (weights.astype(sums.dtype) @ sums).astype(np.float64, copy=False)
        for j, (_, statistic) in enumerate(blocks):
            out[start : start + len(weights), j] = statistic(totals[:, ends[j] : ends[j + 1]])
        start += len(weights)


def _fits(counts: FloatArray, clusters: Clusters) -> bool:
    """Whether every sum of a draw is an integer that float32 represents: a draw has as many patients as the dataset."""
    most = float(clusters.counts.max(initial=0)) * float(counts.max(initial=0)) * clusters.n
    return most < 2**24 and counts.min(initial=0) >= 0 and bool((counts == np.rint(counts)).all())


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
    """The statistic of the summed counts, shape (n, K), with its 95 % interval, with the same weights as for means."""
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
