"""Scores by subgroup: estimates, gaps, what case mix and the null row leave of them.

Groups are estimated from the board's own patient weights, so that a patient in two groups counts in
both at once. A raw gap is confounded by case mix (normal reports are templates and score higher on
every metric): only the standardised gap and the gap beyond the null row speak of fairness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics import bootstrap, ranks, significance, ties
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
    """Groups of every axis as masks; for a set that is not public only what may be shown (`safe_axes`)."""
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
    """Bootstrap means of every mask's studies; NaN where a draw has none of them.

    Shape (draws, len(masks)) of values of shape (n,); (draws, len(masks), M) of values of shape (n, M),
    from one pass over the weights.
    """
    table = values.reshape(len(values), -1)
    m = table.shape[1]
    columns = []
    centres = np.array([table[k].mean(axis=0) if k.any() else np.zeros(m) for k in masks])
    for mask, centre in zip(masks, centres, strict=True):
        columns += [mask.astype(np.float64)[:, None], np.where(mask[:, None], table - centre, 0.0)]
    sums = bootstrap.fixed_point(clusters.sums(np.hstack(columns)), clusters.n)
    out = np.empty((draws, len(masks), m))
    start = 0
    for weights in bootstrap.weight_chunks(clusters, seed, draws):
        product = (weights @ sums).reshape(len(weights), len(masks), 1 + m)
        n = product[:, :, :1]
        part = np.full((len(weights), len(masks), m), np.nan)
        np.divide(product[:, :, 1:], n, out=part, where=n > 0)
        out[start : start + len(weights)] = centres + part
        start += len(weights)
    return out if values.ndim > 1 else out[:, :, 0]


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
    progress: Callable[[str, int, int], None] | None = None,
) -> list[list[AxisResult]]:
    """Per model every axis' groups and gaps on one metric.

    `values`: per-study scores of M models, shape (n, M). `null`: those of the null row, shape (n,).
    `strata`: the case mix to standardise to (normal × length, say). Axes with fewer than two groups are
    left out. All models of an axis share one pass over the draws.
    """
    m = values.shape[1]
    results: list[list[AxisResult]] = [[] for _ in range(m)]
    table = values if null is None else np.column_stack([values, null])
    shown = [(n, c) for n, c in cells_of(axes, clusters, private=private).items() if len(c) > 1]
    for done, (name, cells) in enumerate(shown):
        if progress is not None:
            progress("subgroups", done, len(shown))
        worker = _Axis(name, table, cells, clusters, strata, private=private)
        worker.draw(seed, draws)
        for j in range(m):
            beyond = m if null is not None else None
            results[j].append(worker.result(j, beyond, higher_is_better=higher_is_better))
    return [_with_q(found) for found in results]


def _with_q(found: list[AxisResult]) -> list[AxisResult]:
    tested = [r.p for r in found if r.p is not None]
    q = iter(significance.benjamini_hochberg(tested).tolist())
    return [replace(r, q=next(q)) if r.p is not None else r for r in found]


class _Axis:
    """The groups of one axis, and of its groups within strata, with the draws of every model."""

    def __init__(
        self,
        name: str,
        values: FloatArray,
        cells: Mapping[str, Mask],
        clusters: Clusters,
        strata: Sequence[str] | None,
        *,
        private: bool,
    ) -> None:
        self.name, self.values, self.clusters = name, values, clusters
        self.names, self.masks = list(cells), list(cells.values())
        self.patients = [self._count(m) for m in self.masks]
        self.means = np.array([values[m].mean(axis=0) for m in self.masks])
        least = MIN_CLUSTERS if private else MIN_STRATUM_PATIENTS
        labels = np.array(strata if strata is not None else [])
        self.kinds, self.sizes = np.unique(labels, return_counts=True)
        self.cells = [[mask & (labels == kind) for kind in self.kinds] for mask in self.masks]
        self.enough = np.array(
            [[self._count(cell) >= least for cell in row] for row in self.cells], dtype=bool
        )

    def _count(self, mask: Mask) -> int:
        return int(np.unique(self.clusters.index[mask]).size)

    def draw(self, seed: int, draws: int) -> None:
        """The draws of groups, and of groups within strata, in one pass."""
        flat = [cell for row in self.cells for cell in row]
        found = group_draws(self.values, [*self.masks, *flat], self.clusters, seed, draws)
        groups, m = len(self.masks), self.values.shape[1]
        self.draws = found[:, :groups]
        self.within = found[:, groups:].reshape(draws, groups, len(self.kinds), m)
        empty = np.full(m, np.nan)
        self.within_means = np.array(
            [[self.values[c].mean(axis=0) if c.any() else empty for c in row] for row in self.cells]
        ).reshape(groups, len(self.kinds), m)

    def result(self, j: int, null: int | None, *, higher_is_better: bool) -> AxisResult:
        """Model j's result; `null` is the column of the null row."""
        groups = tuple(
            Group(
                n,
                self._estimate(self.means[i, j], self.draws[:, i, j], self.patients[i]),
                int(m.sum()),
                self.patients[i],
            )
            for i, (n, m) in enumerate(zip(self.names, self.masks, strict=True))
        )
        sign = 1 if higher_is_better else -1
        sure = [g for g in groups if g.mean.low is not None]
        by_name = sorted(sure, key=lambda g: g.name)  # tie: none, names differ
        worst = ties.lowest(by_name, [sign * g.mean.value for g in by_name])
        gaps = []
        for a, b in combinations(range(len(self.names)), 2):
            adjusted, covered = self._standardised(a, b, j)
            beyond = None if null is None else self._gap(a, b, j, null)
            gaps.append(Gap(self.names[a], self.names[b], self._gap(a, b, j), adjusted, covered, beyond))
        return AxisResult(self.name, groups, worst.name if worst else None, tuple(gaps), self._omnibus(j))

    @staticmethod
    def _estimate(value: float, draws: FloatArray, patients: int) -> Estimate:
        if patients < MIN_CLUSTERS:
            return Estimate(float(value), None, None)
        low, high = np.nanquantile(draws, [0.025, 0.975])
        return Estimate(float(value), float(low), float(high))

    def _gap(self, a: int, b: int, j: int, null: int | None = None) -> Estimate:
        """Group a minus group b of model j; less the null row's own gap, which the same draws pair."""
        value = self.means[a, j] - self.means[b, j]
        drawn = self.draws[:, a, j] - self.draws[:, b, j]
        if null is not None:
            value -= self.means[a, null] - self.means[b, null]
            drawn = drawn - (self.draws[:, a, null] - self.draws[:, b, null])
        return self._estimate(value, drawn, min(self.patients[a], self.patients[b]))

    def _omnibus(self, j: int) -> float | None:
        """P of "all groups are alike": the largest gap in standard errors against its bootstrap law."""
        sure = [i for i, n in enumerate(self.patients) if n >= MIN_CLUSTERS]
        if len(sure) < 2:
            return None
        a, b = np.array(list(combinations(sure, 2))).T
        gap = self.means[a, j] - self.means[b, j]
        drawn = self.draws[:, a, j] - self.draws[:, b, j]
        error = drawn.std(axis=0, ddof=1)
        inverse = np.divide(1.0, error, out=np.zeros_like(error), where=error > ties.TIE)
        observed = float((np.abs(gap) * inverse).max())
        null = (np.abs(drawn - gap) * inverse).max(axis=1)
        return float((1 + (null >= observed).sum()) / (len(null) + 1))

    def _standardised(self, a: int, b: int, j: int) -> tuple[Estimate | None, float | None]:
        """The gap at the whole set's case mix, and the share of studies in strata that both groups have."""
        if not self.kinds.size:
            return None, None
        common = self.enough[a] & self.enough[b]
        if not common.any():
            return None, None
        weights = self.sizes[common] / self.sizes[common].sum()
        value = float((self.within_means[a, :, j] - self.within_means[b, :, j])[common] @ weights)
        spread = (self.within[:, a, :, j] - self.within[:, b, :, j])[:, common] @ weights
        patients = min(
            self._count(np.any([self.cells[g][s] for s in np.flatnonzero(common)], axis=0)) for g in (a, b)
        )
        return self._estimate(value, spread, patients), float(self.sizes[common].sum() / self.sizes.sum())


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
