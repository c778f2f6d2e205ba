"""Ranks with their uncertainty: ranges, tied groups, and ranks under other rules.

Rank ranges by inversion of simultaneous tests (Mogstad, Romano, Shaikh and Wilhelm 2024); clusters as in WMT
(Bojar et al. 2013). Aggregation rules: mean rank, median rank, z-score, Borda, Copeland, over metric
families, so that RadCliQ is not counted in addition to its parts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics.bootstrap import CHUNK, FloatArray
from evaluator.statistics.ties import TIE, levels, sign

ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """A model's place: the range of ranks that the tests cannot rule out (1 is best).

    `tied_with_best`: no test separates it, or a model below it, from the best mean. `cluster`: WMT group,
    from 1.
    """

    rank_low: int
    rank_high: int
    tied_with_best: bool
    cluster: int


def places(cost: FloatArray, p_adjusted: FloatArray, alpha: float = ALPHA, band: float = 0.0) -> list[Place]:
    """A place per model from its mean cost (lower is better) and the (M, M) adjusted p-values.

    Model j is better than i when its mean is lower by at least `band` and the pair's adjusted p is below
    alpha; the range of i is [1 + how many are better, M − how many are worse], widened until neither end
    decreases from one mean to the next: a model with a better mean then never has a later range.
    """
    if cost.size == 0:
        return []
    level = levels(cost)
    gap = cost[None, :] - cost[:, None]
    better = (level[:, None] < level[None, :]) & (p_adjusted < alpha) & matters(gap, band)
    return places_of(level, better)


def matters(difference: FloatArray, band: float) -> NDArray[np.bool_]:
    """Whether each difference is at least the equivalence margin in absolute value; in its shape."""
    return np.asarray(np.abs(difference) >= band - TIE)


def places_of(level: NDArray[np.int64], better: NDArray[np.bool_]) -> list[Place]:
    """A place per model from the levels of the means, shape (M,), 0 the best, and the pairwise outcomes.

    `better[j, i]`: whether j is significantly better than i, shape (M, M).
    """
    m = level.size
    own_low, own_high = 1 + better.sum(axis=0), m - better.sum(axis=1)
    # Separated from the best: significantly worse than every model with the best mean, with all models below.
    open_ = ~better[level == level.min()].all(axis=0)  # tie: none, levels are whole numbers
    low, high, tied = (np.empty(m, dtype=np.int64) for _ in range(3))
    for i in range(m):
        below, above = level >= level[i], level <= level[i]
        low[i], high[i], tied[i] = own_low[below].min(), own_high[above].max(), open_[below].any()
    groups = clusters(level, better)
    return [Place(int(low[i]), int(high[i]), bool(tied[i]), groups[i]) for i in range(m)]


def clusters(level: NDArray[np.int64], better: NDArray[np.bool_]) -> list[int]:
    """The number of each model's WMT group, from 1, shapes as in `places_of`.

    There is a boundary where every model above is significantly better than every one below.
    """
    order = np.argsort(level, kind="stable")  # tie: first index; equal models are never separated
    group = [0] * level.size
    current = 1
    for position, model in enumerate(order):
        if position and bool(better[np.ix_(order[:position], order[position:])].all()):
            current += 1
        group[int(model)] = current
    return group


def average_ranks(cost: FloatArray) -> FloatArray:
    """Ranks from 1 (lowest cost), shape (M,), equal costs sharing their mean rank.

    >>> average_ranks(np.array([0.3, 0.1, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    level = levels(cost)
    less = (level[None, :] < level[:, None]).sum(axis=1)
    equal = (level[None, :] == level[:, None]).sum(axis=1)
    return np.asarray(1 + less + (equal - 1) / 2, dtype=np.float64)


def kendall_tau(x: FloatArray, y: FloatArray) -> float | None:
    """Kendall's tau-b of two rankings, in [-1, 1]; `None` when one of them is all ties or too short."""
    rows, columns = np.triu_indices(x.size, 1)
    dx, dy = sign(x[rows] - x[columns]), sign(y[rows] - y[columns])
    # One root of integers: equal rankings have a tau of exactly 1, which two roots would overshoot.
    spread = math.sqrt(int((dx != 0).sum()) * int((dy != 0).sum()))
    return float((dx * dy).sum() / spread) + 0.0 if spread else None


def rules(costs: FloatArray) -> dict[str, FloatArray]:
    """Per aggregation rule a score per model, shape (M,), lower is better, from costs of shape (M, F families)."""
    m, f = costs.shape
    ranks = np.column_stack([average_ranks(costs[:, j]) for j in range(f)])
    level = np.column_stack([levels(costs[:, j]) for j in range(f)])
    # A family in which all are equal has no spread beyond rounding, and says nothing.
    apart = level.max(axis=0) > 0
    spread = np.where(apart, costs.std(axis=0, ddof=1) if m > 1 else 1.0, 1.0)
    standard = np.where(apart, (costs - costs.mean(axis=0)) / spread, 0.0)
    beats = np.sign(np.sign(level[None, :, :] - level[:, None, :]).sum(axis=2))
    return {
        "mean_rank": ranks.mean(axis=1),
        "median_rank": np.median(ranks, axis=1),
        "z_score": standard.mean(axis=1),
        "borda": (ranks - m).sum(axis=1),
        "copeland": 0 - beats.sum(axis=1),
    }


def sensitivity(ids: Sequence[str], primary: FloatArray, costs: FloatArray) -> dict[str, Any]:
    """The board under other ranking rules.

    Per rule: Kendall's tau with the primary ranking, the order of the models, neighbours in it that are tied, and the
    most places that a model moves. `costs` are complete, shape (M, F).
    """
    base = average_ranks(primary)
    out: dict[str, Any] = {}
    for rule, score in rules(costs).items():
        ranks = average_ranks(score)
        # tie: the primary's rank, then the id; both ranks are whole or half
        order = sorted(range(len(ids)), key=lambda i: (ranks[i], base[i], ids[i]))
        equal = (tied for _, tied in groupby(order, key=lambda i: ranks[i]))
        out[rule] = {
            "tau": kendall_tau(base, ranks),
            "order": [ids[i] for i in order],
            "ties": [[ids[i] for i in tied] for tied in map(list, equal) if len(tied) > 1],
            "moved": float(np.abs(base - ranks).max(initial=0)),
        }
    return out


def _taus(draws: FloatArray, costs: FloatArray) -> FloatArray:
    """Kendall's tau-a of every draw's ranking, shape (B,), with that of the costs, of draws of shape (B, M)."""
    order = np.argsort(costs, kind="stable")  # tie: none, equal costs are not compared
    rows, ascending = np.ascontiguousarray(draws.T[order]), costs[order]
    total = np.zeros(len(draws), dtype=np.int64)
    for start in range(0, len(draws), CHUNK):
        part = rows[:, start : start + CHUNK]
        for i, cost in enumerate(ascending[:-1]):
            # Whole numbers: agreeing pairs less the others, of the models of a higher cost than this one.
            gap = part[np.count_nonzero(ascending - cost <= TIE) :] - part[i]
            agree = (gap > TIE).view(np.int8) - (gap < -TIE).view(np.int8)
            total[start : start + CHUNK] += agree.sum(axis=0, dtype=np.int32)
    return total / (len(costs) * (len(costs) - 1) // 2)


def stability(ids: Sequence[str], draws: FloatArray, costs: FloatArray) -> Mapping[str, Any]:
    """Descriptive rank stability over bootstrap draws of the primary's mean cost, shape (B, M).

    Per model, the share of draws in which it ranks first and in the top three; and quantiles of Kendall's tau
    between a draw's ranking and the board's. Not confidence sets: the coverage of bootstrap ranks is poor
    (Mogstad et al. 2024).
    """
    m = costs.size
    # A model is among the first k where the k-th of the draw is not ahead of it.
    bound = np.partition(draws, sorted({0, min(2, m - 1)}), axis=1)[:, : min(3, m)]
    first, top3 = ((draws - TIE <= bound[:, [k]]).mean(axis=0) for k in (0, -1))
    tau = _taus(draws, costs) if m > 1 else np.ones(len(draws))
    return {
        "tau": [float(q) for q in np.quantile(tau, [0.025, 0.5, 0.975])],
        "models": {ids[i]: {"first": float(first[i]), "top3": float(top3[i])} for i in range(m)},
    }
