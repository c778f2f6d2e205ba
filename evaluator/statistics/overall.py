"""One order over several datasets: the equal-weight mean of standardised differences, tested by patient.

On every dataset, differences are divided by one scale that all pairs of models share, so that they add up and
the order has no cycles; the mean over the datasets gives every population the same weight. Weights by the
effective number of studies were considered, but then the largest dataset would decide alone, which its own
board already shows. All patients of all datasets form one family of sign-flip tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.statistics import bootstrap, ranks, significance
from evaluator.statistics.board_analysis import PairResult, pair_results
from evaluator.statistics.bootstrap import Clusters, FloatArray
from evaluator.statistics.ranks import Place
from evaluator.statistics.ties import TIE


@dataclass(frozen=True, slots=True)
class Population:
    """One dataset: what each study costs each model, shape (n, M), lower is better; patients; seed; band.

    `band`: mean costs closer than this count as equivalent.
    """

    cost: FloatArray
    clusters: Clusters
    seed: int
    band: float

    @property
    def scale(self) -> float:
        """The unit of its differences: the root mean square of a study's paired differences, over all pairs of models.

        Around zero, not around their means: it is then the same under every sign flip, so the test is exact.
        0 if the models differ only by rounding.
        """
        n, m = self.cost.shape
        centred = self.cost - self.cost.mean(axis=1, keepdims=True)
        # Over the pairs of a study's values, the squared differences add up to M Σ x², their mean taken off.
        size = math.sqrt(m * float((centred**2).sum()) / (n * m * (m - 1) / 2))
        return size if size > TIE else 0.0


@dataclass(frozen=True, slots=True)
class Overall:
    """M models over several datasets.

    `cost`: mean standardised cost, shape (M,), 0 for the mean of the models, lower is better. `scales`: the
    unit of each dataset. `band`: the difference of two models that are one band apart on every dataset.
    """

    cost: FloatArray
    scales: tuple[float, ...]
    band: float
    places: list[Place]
    pairs: tuple[PairResult, ...]


def analyse_overall(
    ids: Sequence[str],
    populations: Sequence[Population],
    seed: int,
    flips: int = significance.FLIPS,
    *,
    intervals: bool = True,
) -> Overall:
    """Places and tests of M models, at least two, over all populations, whose columns are in the order of `ids`.

    Each population counts equally, whatever its size. `flips`: random sign patterns of the test. Without
    `intervals` the pairs have none, as with a population of fewer than 30 patients.
    """
    scales = tuple(p.scale for p in populations)
    standard = _standardised(populations, scales)
    cost = np.mean([s.mean(axis=0) for s in standard], axis=0)
    band = float(np.mean([p.band / s if s > 0 else 0.0 for p, s in zip(populations, scales, strict=True)]))
    tests = significance.sign_flip(*joined(populations), seed, flips)
    draws = _draws(standard, populations) if intervals else None
    ends = None if draws is None else bootstrap.difference_intervals(draws, tests.a, tests.b)
    return Overall(
        cost,
        scales,
        band,
        ranks.places(cost, tests.matrix(len(ids)), band=band),
        pair_results(ids, tests, ends, cost, band),
    )


def _standardised(populations: Sequence[Population], scales: Sequence[float]) -> list[FloatArray]:
    """Costs in units of each population's scale, minus each study's mean over the models; zero without a scale."""
    centred = [p.cost - p.cost.mean(axis=1, keepdims=True) for p in populations]
    return [c / s if s > 0 else np.zeros_like(c) for c, s in zip(centred, scales, strict=True)]


def joined(populations: Sequence[Population]) -> tuple[FloatArray, Clusters]:
    """Per-study values, shape (n, M), and patients of all populations combined into one.

    A column's mean is the mean of its standardised means over the populations: each counts equally.
    """
    standard = _standardised(populations, [p.scale for p in populations])
    total = sum(len(s) for s in standard)
    values = np.vstack([s * (total / (len(standard) * len(s))) for s in standard])
    starts = np.cumsum([0, *(p.clusters.n for p in populations)])
    index = np.concatenate([p.clusters.index + start for p, start in zip(populations, starts, strict=False)])
    return values, Clusters(index, np.concatenate([p.clusters.counts for p in populations]))


def _draws(standard: Sequence[FloatArray], populations: Sequence[Population]) -> FloatArray | None:
    """Bootstrap draws of the mean standardised cost, patients drawn within each population.

    `None` if one has too few.
    """
    if any(p.clusters.n < bootstrap.MIN_CLUSTERS for p in populations):
        return None
    total: FloatArray | None = None
    for values, population in zip(standard, populations, strict=True):
        (means,) = bootstrap.draw_means([values], population.clusters, population.seed)
        total = means if total is None else total + means
    return None if total is None else total / len(populations)
