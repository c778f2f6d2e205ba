"""Scores by subgroup: estimates and gaps, also standardised for case mix and beyond the baseline.

Groups are estimated from the board's own patient weights, so that a patient in two groups counts in both at
once. A raw gap is confounded by case mix (normal reports are templates and score higher on every metric):
only the standardised gap and the gap beyond the baseline say something about fairness.
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
from evaluator.statistics.disclosure import Axis, Mask, OtherTrack, safe_axes
from evaluator.statistics.ranks import Place

MIN_STRATUM_PATIENTS: Final = 10
"""A stratum counts in a standardised gap if both groups have at least this many patients."""
MAX_DRAWN: Final = 25_000_000
"""Most bootstrap means in memory at a time, 200 MB; each pass over the draws takes as many models as fit."""


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

    `standardised`: both groups weighted to the whole dataset's strata; `covered` is the share of studies in
    strata that both have. `beyond_null`: the model's gap minus the baseline's.
    """

    a: str
    b: str
    raw: Estimate
    standardised: Estimate | None
    covered: float | None
    beyond_null: Estimate | None


@dataclass(frozen=True, slots=True)
class AxisResult:
    """One axis: groups, the worst of those with an interval, all gaps, and whether any is significant.

    `p`: max-T over the axis' gaps. `q`: Benjamini–Hochberg over the axes analysed together.
    """

    axis: str
    groups: tuple[Group, ...]
    worst: str | None
    gaps: tuple[Gap, ...]
    p: float | None
    q: float | None = None


def cells_of(
    axes: Sequence[Axis], clusters: Clusters, *, private: bool, beside: OtherTrack | None = None
) -> dict[str, dict[str, Mask]]:
    """Groups of every axis as masks; for a non-public dataset, only what may be shown (`safe_axes`)."""
    if private:
        return safe_axes(axes, clusters, beside)
    out = {}
    for axis in axes:
        labels = np.array([label or "" for label in axis.labels])
        out[axis.name] = {str(name): labels == name for name in np.unique(labels[labels != ""])}
    return out


def group_draws(
    values: FloatArray, groups: Sequence[Sequence[Mask]], clusters: Clusters, seed: int, draws: int = DRAWS
) -> tuple[FloatArray, FloatArray]:
    """Bootstrap means of groups of studies, and of the parts that make up each; NaN where a draw has none of them.

    Shapes (groups, M, draws) and (groups, parts, M, draws), of values of shape (n, M), from one pass over the weights.
    A group's sums are the sums of its parts, which are multiples of one step and so exact (`fixed_point`).
    """
    sums = [_part_sums(values, parts, clusters) for parts in groups]
    shape = (len(groups), max(map(len, groups), default=0), values.shape[1], draws)
    whole, parts = np.empty((shape[0], *shape[2:])), np.empty(shape)
    for g, of_group in enumerate(groups):
        parts[g, len(of_group) :] = np.nan
    start = 0
    for weights in bootstrap.weight_chunks(clusters, seed, draws):
        chunk = slice(start, start + len(weights))
        # Rearranged in two bytes a weight, not eight.
        by_patient = np.ascontiguousarray(weights.T)
        for g, (centre, of_parts) in enumerate(sums):
            together = np.zeros((values.shape[1] + 1, len(weights)))
            for p, (patients, part) in enumerate(of_parts):
                product = part.T @ by_patient.take(patients, axis=0).astype(np.float64)
                together += product
                _put_means(parts[g, p, :, chunk], product, centre)
            _put_means(whole[g, :, chunk], together, centre)
        start = chunk.stop
    return whole, parts


def _put_means(target: FloatArray, sums: FloatArray, centre: FloatArray) -> None:
    """Writes the draws' means, shape (M, draws); `sums` has the numbers of studies first, then sums of score minus `centre`.

    NaN without studies, whose sums are 0.
    """
    with np.errstate(invalid="ignore"):
        np.divide(sums[1:], sums[0], out=target)
    target += centre[:, None]


def _part_sums(
    values: FloatArray, parts: Sequence[Mask], clusters: Clusters
) -> tuple[FloatArray, list[tuple[NDArray[np.int64], FloatArray]]]:
    """The group's means and, for each part, its patients with their numbers of studies and summed scores there."""
    inside = np.any(parts, axis=0)
    centre = values[inside].mean(axis=0) if inside.any() else np.zeros(values.shape[1])
    patients, sums = [], []
    for mask in parts:
        own, index = np.unique(clusters.index[mask], return_inverse=True)
        counts = np.bincount(index, minlength=own.size).astype(np.float64)
        patients.append(own)
        scores = Clusters(index.astype(np.int64), counts).sums(values[mask] - centre)
        sums.append(np.column_stack([counts, scores]))
    # A patient may have studies in every part. Patients outside add nothing.
    steps = bootstrap.fixed_point(np.vstack(sums), clusters.n * len(parts))
    ends = np.cumsum([own.size for own in patients])[:-1]
    return centre, list(zip(patients, np.split(steps, ends), strict=True))


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
    beside: OtherTrack | None = None,
    draws: int = DRAWS,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[list[AxisResult]]:
    """Per model, in the order of the columns of `values`, every axis' groups and gaps on one metric.

    `values`: per-study scores of M models, shape (n, M). `null`: those of the baseline, shape (n,). `strata`:
    the case mix to standardise to (normal × length, say). Axes with fewer than two groups are left out. The
    models of an axis share passes over the draws.
    """
    m = values.shape[1]
    results: list[list[AxisResult]] = [[] for _ in range(m)]
    usable = [
        (n, c) for n, c in cells_of(axes, clusters, private=private, beside=beside).items() if len(c) > 1
    ]
    for index, (name, cells) in enumerate(usable):
        if progress is not None:
            progress("subgroups", index, len(usable))
        axis = _Axis(name, cells, clusters, strata, private=private)
        width = max(1, MAX_DRAWN // (axis.n_cells * draws) - 1)
        for start in range(0, m, width):
            models = _Models(axis, values[:, start : start + width], null, seed, draws)
            for j in range(models.n):
                results[start + j].append(models.result(j, higher_is_better=higher_is_better))
    return [_with_q(result) for result in results]


def _with_q(results: list[AxisResult]) -> list[AxisResult]:
    tested = [r.p for r in results if r.p is not None]
    q = iter(significance.benjamini_hochberg(tested).tolist())
    return [replace(r, q=next(q)) if r.p is not None else r for r in results]


class _Axis:
    """The groups of one axis, and of its groups within strata, as masks over the studies."""

    def __init__(
        self,
        name: str,
        cells: Mapping[str, Mask],
        clusters: Clusters,
        strata: Sequence[str] | None,
        *,
        private: bool,
    ) -> None:
        self.name, self.clusters = name, clusters
        self.names, self.masks = list(cells), list(cells.values())
        self.patients = [self._count(m) for m in self.masks]
        least = MIN_CLUSTERS if private else MIN_STRATUM_PATIENTS
        labels = np.array(strata if strata is not None else [])
        self.kinds, self.sizes = np.unique(labels, return_counts=True)
        self.within = [[mask & (labels == kind) for kind in self.kinds] for mask in self.masks]
        self.enough = np.array(
            [[self._count(cell) >= least for cell in row] for row in self.within], dtype=bool
        )
        self.pairs = list(combinations(range(len(self.names)), 2))
        self.mixes = {(a, b): self._mix(a, b) for a, b in self.pairs}

    @property
    def n_cells(self) -> int:
        """The number of groups and of groups within strata."""
        return len(self.masks) * (1 + len(self.kinds))

    def _count(self, mask: Mask) -> int:
        return int(np.unique(self.clusters.index[mask]).size)

    def _mix(self, a: int, b: int) -> _Mix | None:
        """The strata that two groups have in common; `None` if there are none."""
        common = np.flatnonzero(self.enough[a] & self.enough[b])
        if not common.size:
            return None
        patients = min(self._count(np.any([self.within[g][s] for s in common], axis=0)) for g in (a, b))
        size = self.sizes[common].sum()
        return _Mix(
            common.tolist(), (self.sizes[common] / size).tolist(), patients, float(size / self.sizes.sum())
        )


@dataclass(frozen=True, slots=True)
class _Mix:
    """Strata that two groups share, with their weights; the smaller group's patients; the share of studies."""

    strata: list[int]
    weights: list[float]
    patients: int
    covered: float


@dataclass(frozen=True, slots=True)
class _Estimates:
    """One estimate per model: values of shape (M,), ends of shape (2, M) or `None` with few patients."""

    values: FloatArray
    ends: FloatArray | None

    def of(self, j: int) -> Estimate:
        """Model j's estimate."""
        low, high = (None, None) if self.ends is None else self.ends[:, j].tolist()
        return Estimate(float(self.values[j]), low, high)


def _estimates(values: FloatArray, draws: FloatArray, patients: int) -> _Estimates:
    """Percentile intervals from draws of shape (M, B)."""
    if patients < MIN_CLUSTERS:
        return _Estimates(values, None)
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile
    return _Estimates(values, quantile(draws, [0.025, 0.975], axis=-1))


class _Models:
    """Some models on one axis: their means and gaps, with intervals from one pass over the draws."""

    def __init__(
        self, axis: _Axis, values: FloatArray, null: FloatArray | None, seed: int, draws: int
    ) -> None:
        self.axis, self.n, self.null = axis, values.shape[1], null is not None
        table = values if null is None else np.column_stack([values, null])
        flat = [cell for row in axis.within for cell in row]
        parts = axis.within if len(axis.kinds) else [[mask] for mask in axis.masks]
        self.draws, self.within = group_draws(table, parts, axis.clusters, seed, draws)
        empty = np.full(table.shape[1], np.nan)
        means = [table[c].mean(axis=0) if c.any() else empty for c in (*axis.masks, *flat)]
        groups, shape = len(axis.masks), (len(axis.masks), len(axis.kinds), table.shape[1])
        self.means = np.array(means[:groups])
        self.within_means = np.array(means[groups:]).reshape(shape)
        self.groups = [_estimates(self.means[i], self.draws[i], n) for i, n in enumerate(self.axis.patients)]
        self.gaps = [self._gaps(a, b) for a, b in axis.pairs]
        self.p = self._omnibus()

    def result(self, j: int, *, higher_is_better: bool) -> AxisResult:
        """Model j's result."""
        axis = self.axis
        groups = tuple(
            Group(name, self.groups[i].of(j), int(mask.sum()), axis.patients[i])
            for i, (name, mask) in enumerate(zip(axis.names, axis.masks, strict=True))
        )
        sign = 1 if higher_is_better else -1
        sure = [g for g in groups if g.mean.low is not None]
        by_name = sorted(sure, key=lambda g: g.name)  # tie: none, names differ
        worst = ties.lowest(by_name, [sign * g.mean.value for g in by_name])
        gaps = []
        for (a, b), (raw, standardised, beyond) in zip(axis.pairs, self.gaps, strict=True):
            mix = axis.mixes[a, b]
            gaps.append(
                Gap(
                    a=axis.names[a],
                    b=axis.names[b],
                    raw=raw.of(j),
                    standardised=standardised.of(j) if standardised else None,
                    covered=mix.covered if mix else None,
                    beyond_null=beyond.of(j) if beyond else None,
                )
            )
        p = None if self.p is None else float(self.p[j])
        return AxisResult(axis.name, groups, worst.name if worst else None, tuple(gaps), p)

    def _gaps(self, a: int, b: int) -> tuple[_Estimates, _Estimates | None, _Estimates | None]:
        """Group a minus group b of every model: raw, at the whole dataset's case mix, and minus the baseline's.

        The baseline's gap uses the same draws, which pairs the two.
        """
        axis = self.axis
        patients = min(axis.patients[a], axis.patients[b])
        values, replicates = self.means[a] - self.means[b], self.draws[a] - self.draws[b]
        standardised = beyond = None
        if self.null:
            beyond = _estimates(values - values[-1], replicates - replicates[-1], patients)
        mix = axis.mixes[a, b]
        if mix is not None:
            terms = list(zip(mix.strata, mix.weights, strict=True))
            # Term by term instead of a matrix product, whose last bits depend on the machine.
            standard = sum(w * (self.within_means[a, s] - self.within_means[b, s]) for s, w in terms)
            spread = sum(w * (self.within[a, s] - self.within[b, s]) for s, w in terms)
            standardised = _estimates(np.asarray(standard), np.asarray(spread), mix.patients)
        return _estimates(values, replicates, patients), standardised, beyond

    def _omnibus(self) -> FloatArray | None:
        """P of "all groups are equal", shape (M,): the largest gap over its error, by its bootstrap law."""
        sure = [i for i, n in enumerate(self.axis.patients) if n >= MIN_CLUSTERS]
        if len(sure) < 2:
            return None
        observed, null = np.zeros(self.means.shape[1]), np.zeros(self.draws[0].shape)
        for a, b in combinations(sure, 2):
            gap, replicates = self.means[a] - self.means[b], self.draws[a] - self.draws[b]
            error = replicates.std(axis=1, ddof=1)
            inverse = np.divide(1.0, error, out=np.zeros_like(error), where=error > ties.TIE)
            np.maximum(observed, np.abs(gap) * inverse, out=observed)
            np.maximum(null, np.abs(replicates - gap[:, None]) * inverse[:, None], out=null)
        return np.asarray((1 + (null >= observed[:, None]).sum(axis=1)) / (null.shape[1] + 1))


def places_in_groups(
    values: FloatArray, cells: Mapping[str, Mask], clusters: Clusters, seed: int, *, higher_is_better: bool
) -> dict[str, list[Place]]:
    """Per group of at least 30 patients, the place of every model, from scores of shape (n, M)."""
    out = {}
    for name, mask in cells.items():
        inside = clusters.within(mask)
        if inside.n < MIN_CLUSTERS:
            continue
        tests = significance.sign_flip(values[mask], inside, seed)
        mean = values[mask].mean(axis=0)
        out[name] = ranks.places(-mean if higher_is_better else mean, tests.matrix(values.shape[1]))
    return out
