"""How well a score agrees with ratings: Kendall's tau-b and preference accuracy, with cluster-bootstrap intervals.

Kendall 1945 (tau-b). A draw repeats items; a repeated item is tied with itself, as scipy's tau-b counts it.
All sums are of integers, so that a draw is bit for bit the same on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics import bootstrap
from evaluator.statistics.bootstrap import FloatArray
from evaluator.statistics.ties import sign

UNDEFINED_SHARE: Final = 0.01
"""There is no interval if the statistic is undefined in more than this share of draws."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic with its 95 % interval; `None` if undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Preference:
    """In how many of `n` decided pairs a score prefers the same side; a score's tie counts half."""

    n: int
    right: int
    tied: int
    accuracy: Estimate


def tau(x: FloatArray, y: FloatArray, cluster: NDArray[np.int64], weights: FloatArray) -> Estimate:
    """Kendall's tau-b, in [-1, 1], of two scores of the same items, shape (n,), with its 95 % interval; whole clusters are drawn.

    `cluster[i]` is item i's cluster in [0, C); `weights` of shape (B, C) say how often each draw holds each.
    No value if one of the scores is all ties, no interval with fewer than 30 clusters.

    >>> tied = tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]), np.arange(3), np.ones((0, 3)))
    >>> round(float(tied.value), 6)
    0.333333
    """
    dx, dy = sign(x[:, None] - x[None, :]), sign(y[:, None] - y[None, :])
    member = np.eye(weights.shape[1])[cluster]
    parts = [member.T @ part @ member for part in (dx * dy, np.abs(dx), np.abs(dy))]

    def statistic(drawn: FloatArray) -> FloatArray:
        agree, first, second = (((drawn @ part) * drawn).sum(axis=1) for part in parts)
        spread = np.sqrt(first) * np.sqrt(second)
        share = np.divide(agree, spread, out=np.full_like(spread, np.nan), where=spread > 0)
        return np.asarray(np.clip(share, -1.0, 1.0))

    return _estimate(statistic, weights)


def preference(x: FloatArray, y: FloatArray, weights: FloatArray) -> Preference:
    """How often, in [0, 1], `x` prefers the side of a pair that `y` prefers; both of shape (pairs, 2).

    Pairs on which `y` is tied are left out. `weights` of shape (B, pairs).
    """
    sign_y, sign_x = sign(y[:, 0] - y[:, 1]), sign(x[:, 0] - x[:, 1])
    decided = sign_y != 0
    right, tied = decided & (sign_x == sign_y), decided & (sign_x == 0)
    halves = 2.0 * right + tied

    def statistic(drawn: FloatArray) -> FloatArray:
        n = drawn @ decided.astype(np.float64)
        return np.asarray(np.divide(drawn @ halves, 2 * n, out=np.full_like(n, np.nan), where=n > 0))

    return Preference(int(decided.sum()), int(right.sum()), int(tied.sum()), _estimate(statistic, weights))


def holds(scores: Sequence[float], relations: Sequence[tuple[int, str, int]]) -> bool:
    """Whether every relation `(i, ">" or "=", j)` is true of the scores, higher being better.

    >>> holds([0.9, 0.5, 0.5], [(0, ">", 1), (1, "=", 2)]), holds([0.5, 0.5], [(0, ">", 1)])
    (True, False)
    """
    wanted = {">": 1.0, "=": 0.0}
    signs = sign(np.array([scores[i] - scores[j] for i, _, j in relations]))
    return bool(signs.tolist() == [wanted[mark] for _, mark, _ in relations])


def _estimate(statistic: Callable[[FloatArray], FloatArray], weights: FloatArray) -> Estimate:
    """The statistic with every cluster once, and its percentile interval over the drawn weights."""
    n = weights.shape[1]
    value = float(statistic(np.ones((1, n)))[0])
    if np.isnan(value):
        return Estimate(None, None, None)
    if n < bootstrap.MIN_CLUSTERS:
        return Estimate(value, None, None)
    replicates = statistic(weights)
    lost = np.isnan(replicates)
    if lost.mean() > UNDEFINED_SHARE:
        return Estimate(value, None, None)
    low, high = np.quantile(replicates[~lost], [0.025, 0.975])
    return Estimate(value, float(low), float(high))
