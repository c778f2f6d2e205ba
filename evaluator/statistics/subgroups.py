"""Scores by subgroup: estimates, gaps, what case mix and the null row leave of them.

Groups are estimated from the board's own patient weights, so that a patient in two groups counts in
both at once. A raw gap is confounded by case mix (normal reports are templates and score higher on
every metric): only the standardised gap and the gap beyond the null row speak of fairness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics import bootstrap, ranks, significance
from evaluator.statistics.bootstrap import DRAWS, MIN_CLUSTERS, Clusters, FloatArray
from evaluator.statistics.disclosure import Axis, Mask, safe_axes
from evaluator.statistics.ranks import Place

MIN_STRATUM_PATIENTS: Final = 10
"""A stratum counts in a standardised gap from this many patients in either group on."""
POSITIVE: Final = (1, 3)
"""CheXbert's codes for positive and uncertain."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or a difference of means with its 95 % interval; `None` with fewer than 30 patients."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One group of an axis: its mean, and how many studies and patients it has."""

    name: str
    mean: Estimate
    studies: int
    patients: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean of group a minus mean of group b.

    `standardised`: both groups weighted to the whole set's strata; `covered` is the share of
    studies in strata that both have. `beyond_null`: the model's gap minus the null row's.
    """

    a: str
    b: str
    raw: Estimate
    standardised: Estimate | None
    covered: float | None
    beyond_null: Estimate | None


@dataclass(frozen=True, slots=True)
class AxisResult:
    """One axis: groups, the worst of those with an interval, all gaps, and whether any is real.

    `p`: max-T over the axis' gaps. `q`: Benjamini–Hochberg over the axes analysed together.
    """

    axis: str
    groups: tuple[Group, ...]
    worst: str | None
    gaps: tuple[Gap, ...]
    p: float | None
    q: float | None = None


def cells_of(axes: Sequence[Axis], clusters: Clusters, *, private: bool) -> dict[str, dict[str, Mask]]:
    """Groups of every axis as masks; for a private set only what may be shown (`safe_axes`)."""
    if private:
        return safe_axes(axes, clusters)
    out = {}
    for axis in axes:
        labels = np.array([label or "" for label in axis.labels])
        out[axis.name] = {str(name): labels == name for name in np.unique(labels[labels != ""])}
    return out


def group_draws(
    values: FloatArray, masks: Sequence[Mask], clusters: Clusters, seed: int, draws: int = DRAWS
) -> FloatArray:
    """Bootstrap means of every mask's studies, shape (draws, len(masks)); NaN where a draw has none of them."""
    columns = []
    centres = np.array([values[m].mean() if m.any() else 0.0 for m in masks])
    for mask, centre in zip(masks, centres, strict=True):
        columns += [mask.astype(np.float64), np.where(mask, values - centre, 0.0)]
    sums = bootstrap.fixed_point(clusters.sums(np.column_stack(columns)), clusters.n)
    out = np.empty((draws, len(masks)))
    start = 0
    for weights in bootstrap.weight_chunks(clusters, seed, draws):
        product = weights @ sums
        n = product[:, ::2]
        part = np.full(n.shape, np.nan)
        np.divide(product[:, 1::2], n, out=part, where=n > 0)
        out[start : start + len(weights)] = centres + part
        start += len(weights)
    return out


def analyse_subgroups(
    values: FloatArray,
    axes: Sequence[Axis],
    clusters: Clusters,
    seed: int,
    *,
    higher_is_better: bool,
    strata: Sequence[str] | None = None,
    null: FloatArray | None = None,
    private: bool = False,
    draws: int = DRAWS,
) -> list[AxisResult]:
    """Every axis' groups and gaps for one model on one metric.

    `values`, `null`: per-study scores of the model and of the null row, shape (n,). `strata`: the
    case mix to standardise to (normal × length, say). Axes with fewer than two groups are left out.
    """
    results = []
    for name, cells in cells_of(axes, clusters, private=private).items():
        if len(cells) > 1:
            worker = _Worker(values, cells, clusters, seed, draws)
            results.append(
                worker.axis(name, strata, null, higher_is_better=higher_is_better, private=private)
            )
    tested = [r.p for r in results if r.p is not None]
    q = iter(significance.benjamini_hochberg(tested).tolist())
    return [replace(r, q=next(q)) if r.p is not None else r for r in results]


class _Worker:
    """The groups of one axis with their draws."""

    def __init__(
        self, values: FloatArray, cells: Mapping[str, Mask], clusters: Clusters, seed: int, draws: int
    ) -> None:
        self.values, self.clusters, self.seed, self.n_draws = values, clusters, seed, draws
        self.names, self.masks = list(cells), list(cells.values())
        self.patients = [self._count(m) for m in self.masks]
        self.means = np.array([values[m].mean() for m in self.masks])
        self.draws = group_draws(values, self.masks, clusters, seed, draws)

    def _count(self, mask: Mask) -> int:
        return int(np.unique(self.clusters.index[mask]).size)

    def axis(
        self,
        name: str,
        strata: Sequence[str] | None,
        null: FloatArray | None,
        *,
        higher_is_better: bool,
        private: bool,
    ) -> AxisResult:
        groups = tuple(
            Group(
                n,
                self._estimate(self.means[i], self.draws[:, i], self.patients[i]),
                int(m.sum()),
                self.patients[i],
            )
            for i, (n, m) in enumerate(zip(self.names, self.masks, strict=True))
        )
        sign = 1 if higher_is_better else -1
        sure = [g for g in groups if g.mean.low is not None]
        worst = min(sure, key=lambda g: (sign * g.mean.value, g.name)).name if sure else None
        least = MIN_CLUSTERS if private else MIN_STRATUM_PATIENTS
        beyond = None
        if null is not None:
            cells = dict(zip(self.names, self.masks, strict=True))
            beyond = _Worker(self.values - null, cells, self.clusters, self.seed, self.n_draws)
        standard = self._standardised(strata, least) if strata is not None else {}
        gaps = []
        for a, b in combinations(range(len(self.names)), 2):
            adjusted, covered = standard.get((a, b), (None, None))
            extra = beyond.gap(a, b) if beyond else None
            gaps.append(Gap(self.names[a], self.names[b], self.gap(a, b), adjusted, covered, extra))
        return AxisResult(name, groups, worst, tuple(gaps), self._omnibus())

    @staticmethod
    def _estimate(value: float, draws: FloatArray, patients: int) -> Estimate:
        if patients < MIN_CLUSTERS:
            return Estimate(float(value), None, None)
        low, high = np.nanquantile(draws, [0.025, 0.975])
        return Estimate(float(value), float(low), float(high))

    def gap(self, a: int, b: int) -> Estimate:
        """Group a minus group b."""
        return self._estimate(
            self.means[a] - self.means[b],
            self.draws[:, a] - self.draws[:, b],
            min(self.patients[a], self.patients[b]),
        )

    def _omnibus(self) -> float | None:
        """P of "all groups are alike": the largest gap in standard errors against its bootstrap law."""
        sure = [i for i, n in enumerate(self.patients) if n >= MIN_CLUSTERS]
        if len(sure) < 2:
            return None
        a, b = np.array(list(combinations(sure, 2))).T
        gap = self.means[a] - self.means[b]
        drawn = self.draws[:, a] - self.draws[:, b]
        error = drawn.std(axis=0, ddof=1)
        inverse = np.divide(1.0, error, out=np.zeros_like(error), where=error > 0)
        observed = float((np.abs(gap) * inverse).max())
        null = (np.abs(drawn - gap) * inverse).max(axis=1)
        return float((1 + (null >= observed).sum()) / (len(null) + 1))

    def _standardised(
        self, strata: Sequence[str], least: int
    ) -> dict[tuple[int, int], tuple[Estimate, float]]:
        """Per pair of groups its gap at the whole set's case mix, and the share of studies covered."""
        labels = np.array(strata)
        kinds, sizes = np.unique(labels, return_counts=True)
        cells = [[mask & (labels == kind) for kind in kinds] for mask in self.masks]
        enough = np.array([[self._count(cell) >= least for cell in row] for row in cells])
        flat = [cell for row in cells for cell in row]
        shape = (len(cells), len(kinds))
        drawn = group_draws(self.values, flat, self.clusters, self.seed, self.n_draws).reshape(-1, *shape)
        means = np.array([self.values[c].mean() if c.any() else np.nan for c in flat]).reshape(shape)
        out = {}
        for a, b in combinations(range(len(cells)), 2):
            common = enough[a] & enough[b]
            if not common.any():
                continue
            weights = sizes[common] / sizes[common].sum()
            value = float((means[a] - means[b])[common] @ weights)
            spread = (drawn[:, a] - drawn[:, b])[:, common] @ weights
            patients = min(
                self._count(np.any([cells[g][s] for s in np.flatnonzero(common)], axis=0)) for g in (a, b)
            )
            covered = float(sizes[common].sum() / labels.size)
            out[a, b] = (self._estimate(value, spread, patients), covered)
        return out


def places_in_groups(
    values: FloatArray, cells: Mapping[str, Mask], clusters: Clusters, seed: int, *, higher_is_better: bool
) -> dict[str, list[Place]]:
    """Per group of at least 30 patients the place of every model, from scores of shape (n, M)."""
    out = {}
    for name, mask in cells.items():
        _, index = np.unique(clusters.index[mask], return_inverse=True)
        inside = Clusters(index.astype(np.int64), np.bincount(index).astype(np.float64))
        if inside.n < MIN_CLUSTERS:
            continue
        tests = significance.sign_flip(values[mask], inside, seed)
        mean = values[mask].mean(axis=0)
        out[name] = ranks.places(-mean if higher_is_better else mean, tests.matrix(values.shape[1]))
    return out


def case_mix(labels: NDArray[np.integer], no_finding: int) -> tuple[list[str], list[str]]:
    """Per study "normal" or "abnormal", and how many findings: "0", "1-2" or "3+".

    From a reference's CheXbert labels, shape (n, 14); `no_finding` is that label's column. Normal:
    labelled so and no finding positive or uncertain.
    """
    present = np.isin(labels, POSITIVE)
    findings = np.delete(present, no_finding, axis=1).sum(axis=1)
    normal = (labels[:, no_finding] == 1) & (findings == 0)
    return (
        ["normal" if x else "abnormal" for x in normal],
        ["0" if n == 0 else "1-2" if n < 3 else "3+" for n in findings.tolist()],
    )


def length_terciles(words: Sequence[int]) -> list[str]:
    """Per study "short", "medium" or "long" by its reference's number of words; equal lengths together.

    >>> length_terciles([1, 2, 3, 4, 5, 6])
    ['short', 'short', 'medium', 'medium', 'long', 'long']
    """
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    return ["short" if w <= low else "medium" if w <= high else "long" for w in words]
