"""All statistics of one board from per-study scores: pure, deterministic, no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np

from evaluator.statistics import bootstrap, ranks, significance
from evaluator.statistics.bootstrap import Clusters, FloatArray
from evaluator.statistics.ranks import Place
from evaluator.statistics.ties import TIE, levels

NEAR: Final = 1e-6
"""Far above the rounding of a standard error from covariances, in standard errors of a model."""
POWER_Z: Final = 0.8416212335729143
"""Normal quantile of 80 % power."""


@dataclass(frozen=True, slots=True)
class BoardScores:
    """Per-study scores of the models that a board ranks.

    `values[model][metric]` has shape (n,), in the same order of studies for all; every model has the primary
    metric. `direction[metric]` is 1 where higher is better, else −1. `families` maps each metric that counts
    in aggregates to its family. `band`: means of the primary metric closer than this count as equivalent.
    `draws`: the primary metric of every model in every draw, shape (B, M), if they already exist or if it is
    a corpus metric, whose per-study values are then shares of it, which tests flip.
    """

    values: Mapping[str, Mapping[str, FloatArray]]
    clusters: Clusters
    primary: str
    direction: Mapping[str, int]
    families: Mapping[str, str]
    band: float = 0.0
    draws: FloatArray | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Ids in a fixed order."""
        return tuple(sorted(self.values))


@dataclass(frozen=True, slots=True)
class PairResult:
    """Two models on the primary metric: mean of a minus mean of b, its interval, adjusted p.

    `better`: which of them the test shows to be better, "a" or "b". `matters`: whether the means are at least
    the equivalence margin apart; only then does the pair separate ranks.
    """

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p: float
    better: Literal["a", "b"] | None = None
    matters: bool = True


@dataclass(frozen=True, slots=True)
class BoardAnalysis:
    """What the board's tables and pages need beyond means and intervals."""

    places: Mapping[str, Place]
    pairs: tuple[PairResult, ...]
    sensitivity: Mapping[str, Any]
    stability: Mapping[str, Any]
    resolution: Mapping[str, float | int | None]
    tests: significance.Pairs | None = field(default=None, compare=False)
    """The tests of `pairs`, in the same order, with raw p-values."""
    ends: tuple[FloatArray, FloatArray] | None = field(default=None, compare=False)
    """Lower and upper ends of their intervals, unless there are too few patients."""


def metric_intervals(
    values: Mapping[str, FloatArray], clusters: Clusters, seed: int
) -> dict[str, dict[str, float | None]]:
    """Per metric, its standard error and 95 % interval (`se`, `low`, `high`); `None` for few patients."""
    keys = sorted(values)
    if clusters.n < bootstrap.MIN_CLUSTERS:
        return {k: {"se": None, "low": None, "high": None} for k in keys}
    blocks = bootstrap.draw_means([values[k][:, None] for k in keys], clusters, seed)
    out: dict[str, dict[str, float | None]] = {}
    for key, draws in zip(keys, blocks, strict=True):
        low, high = bootstrap.interval(draws)
        out[key] = {"se": float(draws.std(ddof=1)), "low": float(low[0]), "high": float(high[0])}
    return out


def analyse(
    scores: BoardScores, seed: int, progress: Callable[[str, int, int], None] | None = None
) -> BoardAnalysis:
    """The board's ranks, tests, sensitivity, stability and resolution, with models in the order of `scores.models`.

    `seed`: the board's (`seed_of`). `progress(what, done, total)` is called along the way.
    """
    ids = scores.models
    sign = scores.direction[scores.primary]
    primary = np.column_stack([scores.values[i][scores.primary] for i in ids])
    cost = -sign * primary.mean(axis=0)
    tell = progress or (lambda *_: None)
    tell("sign-flip tests", 0, 2)
    tests = significance.sign_flip(primary, scores.clusters, seed)
    tell("bootstrap", 1, 2)
    enough = scores.clusters.n >= bootstrap.MIN_CLUSTERS
    draws = _draws(scores, primary, seed) if enough else None
    tell("ranks", 2, 2)
    places = ranks.places(cost, tests.matrix(len(ids)), band=scores.band)
    ends = None if draws is None else bootstrap.difference_intervals(draws, tests.a, tests.b)
    return BoardAnalysis(
        places=dict(zip(ids, places, strict=True)),
        pairs=pair_results(ids, tests, ends, cost, scores.band),
        sensitivity=_sensitivity(scores, ids, cost),
        stability=ranks.stability(ids, -sign * draws, cost) if draws is not None else {},
        resolution=_resolution(primary, scores.clusters, draws),
        tests=tests,
        ends=ends,
    )


def _draws(scores: BoardScores, primary: FloatArray, seed: int) -> FloatArray:
    """The primary metric of every model in every draw, shape (B, M)."""
    if scores.draws is not None:
        return scores.draws
    blocks = [primary[:, [j]] for j in range(primary.shape[1])]
    return np.hstack(bootstrap.draw_means(blocks, scores.clusters, seed))


def pair_results(
    ids: Sequence[str],
    tests: significance.Pairs,
    ends: tuple[FloatArray, FloatArray] | None,
    cost: FloatArray,
    band: float,
) -> tuple[PairResult, ...]:
    """All pairs with the ends of their intervals, where there are some.

    `cost`: means, lower is better, shape (M,); `band`: of practical equivalence.
    """
    low, high = ends or (None, None)
    level = levels(cost)
    ahead = np.where(tests.p_adjusted < ranks.ALPHA, np.sign(level[tests.b] - level[tests.a]), 0)
    matters = ranks.matters(cost[tests.a] - cost[tests.b], band)
    better: dict[int, Literal["a", "b"] | None] = {1: "a", -1: "b", 0: None}
    return tuple(
        PairResult(
            ids[a],
            ids[b],
            float(tests.difference[k]),
            None if low is None else float(low[k]),
            None if high is None else float(high[k]),
            float(tests.p_adjusted[k]),
            better[int(ahead[k])],
            bool(matters[k]),
        )
        for k, (a, b) in enumerate(zip(tests.a, tests.b, strict=True))
    )


def _sensitivity(scores: BoardScores, ids: Sequence[str], cost: FloatArray) -> Mapping[str, Any]:
    """Sensitivity over the families that every ranked model has; without the primary, which combines others."""
    keys = [k for k in scores.families if k != scores.primary and all(k in scores.values[i] for i in ids)]
    if len(ids) < 2 or not keys:
        return {}
    costs = np.array([[-scores.direction[k] * scores.values[i][k].mean() for k in keys] for i in ids])
    return {"metrics": keys, "rules": ranks.sensitivity(ids, cost, costs)}


def _resolution(
    primary: FloatArray, clusters: Clusters, draws: FloatArray | None
) -> dict[str, float | int | None]:
    """Median design effect, effective n, and the smallest difference seen with 80 % power.

    MDE = (z_{1−α/2m} + z_{0.8}) · sd of a paired difference · √(deff/n), with the measured median over pairs
    of the standard error of a paired difference. Models with the same score for every study count once, also
    in the number of pairs: a pair of them has no error and cannot be separated.
    """
    empty: dict[str, float | int | None] = {
        "design_effect": None,
        "n_eff": None,
        "mde": None,
        "mde_all_pairs": None,
    }
    if draws is None:
        return empty
    distinct = _distinct(primary)
    primary, draws = primary[:, distinct], draws[:, distinct]
    effect = float(np.median(bootstrap.design_effect(primary, clusters, draws.std(axis=0, ddof=1))))
    result = empty | {"design_effect": effect, "n_eff": clusters.n_studies / effect if effect > 0 else None}
    if draws.shape[1] < 2:
        return result
    error, pairs = _median_error(draws), draws.shape[1] * (draws.shape[1] - 1) // 2
    single, family = (detectable_difference(error, k) for k in (1, pairs))
    return result | {"mde": single, "mde_all_pairs": family}


def _median_error(draws: FloatArray) -> float:
    """The median over pairs of the standard error of a difference, from draws of shape (B, M).

    Covariances tell which pairs are near the median; those alone are computed as differences, to the last bit.
    """
    a, b = np.triu_indices(draws.shape[1], 1)
    covariance = np.cov(draws, rowvar=False)
    own = np.diag(covariance)
    errors = np.sqrt(np.maximum(own[a] + own[b] - 2 * covariance[a, b], 0.0))
    # One or, of an even number, the two in the middle.
    middle = np.sort(errors)[[(a.size - 1) // 2, a.size // 2]]  # tie: none, values alone
    near = (np.abs(errors[:, None] - middle) <= NEAR * np.sqrt(own.max())).any(axis=1)
    for k in bootstrap.pair_blocks(a.size):
        if near[k].any():
            errors[k] = (draws[:, a[k]] - draws[:, b[k]]).std(axis=0, ddof=1)
    return float(np.median(errors))


def _distinct(values: FloatArray) -> list[int]:
    """The columns of (n, M) values that equal no earlier one."""
    columns: list[int] = []
    means = values.mean(axis=0)
    for j in range(values.shape[1]):
        # Values as close as that have means as close, but for the rounding of a mean.
        near = [k for k in columns if abs(means[j] - means[k]) <= 2 * TIE]
        if not any(bool((np.abs(values[:, j] - values[:, k]) <= TIE).all()) for k in near):
            columns.append(j)
    return columns


def detectable_difference(error: float, pairs: int = 1) -> float:
    """The difference between two models that is detected with 80 % power, in the metric's own unit.

    For a two-sided normal test at 5 %, corrected for `pairs` comparisons (Bonferroni).

    `error` is the standard error of a paired difference.

    >>> round(detectable_difference(0.5 / 590**0.5), 3)
    0.058
    """
    return (NormalDist().inv_cdf(1 - 0.05 / (2 * pairs)) + POWER_Z) * error
