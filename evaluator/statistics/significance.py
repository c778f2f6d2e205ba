"""Which differences are significant: paired sign-flip tests on patients, and corrections for multiple tests.

Under the null hypothesis the two models' outputs are exchangeable within a patient, so the sign of
each patient's difference may be flipped. All pairs come from one product of signs and per-patient
sums. Family-wise error: Westfall and Young 1993, step-down max-T. False discoveries: Benjamini and
Hochberg 1995.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics.bootstrap import CHUNK, Clusters, FloatArray, fixed_point
from evaluator.statistics.ties import TIE

FLIPS: Final = 9_999
TOLERANCE: Final = 1e-9
"""Differences closer than this, relative to the largest score sum, count as equal."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs (a < b) of M models on one metric, in the order of `itertools.combinations`.

    `difference`: mean of a minus mean of b. `p`: raw two-sided p-value of the sign-flip test.
    `p_adjusted`: Westfall–Young step-down max-T over all pairs. All of shape (M(M-1)/2,).
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    difference: FloatArray
    p: FloatArray
    p_adjusted: FloatArray

    def matrix(self, n_models: int) -> FloatArray:
        """Adjusted p-values as a symmetric matrix, shape (M, M), with ones on the diagonal."""
        out = np.ones((n_models, n_models))
        out[self.a, self.b] = out[self.b, self.a] = self.p_adjusted
        return out


def sign_flip(
    values: FloatArray,
    clusters: Clusters,
    seed: int,
    flips: int = FLIPS,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Pairs:
    """The tests of all pairs of models, or of `pairs` as one family, on per-study values of shape (n, M).

    `p = (1 + #{|D*| ≥ |D|}) / (B + 1)`, so identical systems get exactly 1 and p is never 0.
    """
    return sign_flips([values], clusters, seed, flips, pairs)[0]


def sign_flips(
    tables: Iterable[FloatArray],
    clusters: Clusters,
    seed: int,
    flips: int = FLIPS,
    pairs: Sequence[tuple[int, int]] | None = None,
    *,
    adjust: bool = True,
) -> list[Pairs]:
    """`sign_flip` of several metrics under one set of signs; each result is bit for bit the same as alone.

    Without `adjust` the adjusted p-values, which take most of the time, are NaN.
    """
    sums, means = [], []
    for table in tables:
        sums.append(clusters.sums(table - table.mean(axis=1, keepdims=True)) / clusters.n_studies)
        # Each model's own mean, exactly rounded: bit for bit the same whatever other models there are.
        means.append(np.array([math.fsum(column.tolist()) for column in table.T]) / clusters.n_studies)
    # Exact products: ties between flips stay ties, and p-values do not depend on the machine.
    exact = np.hstack([np.empty((clusters.n, 0)), *(fixed_point(s, clusters.n) for s in sums)])
    ends = np.cumsum([s.shape[1] for s in sums])[:-1]
    flipped = np.split(_flipped(exact, seed, flips), ends)
    parts = zip(means, sums, flipped, strict=True)
    return [_tests(m, s, f, clusters, pairs, adjust=adjust) for m, s, f in parts] if sums else []


def _tests(
    means: FloatArray,
    sums: FloatArray,
    flipped: FloatArray,
    clusters: Clusters,
    pairs: Sequence[tuple[int, int]] | None,
    *,
    adjust: bool,
) -> Pairs:
    """All pairs, or those given, from means, shape (M,), per-patient sums, shape (C, M), and sums under random signs, shape (M, B)."""
    contrasts = list(combinations(range(sums.shape[1]), 2)) if pairs is None else list(pairs)
    index = np.array(contrasts, dtype=np.int64).reshape(-1, 2)
    a, b = index[:, 0], index[:, 1]
    difference = means[a] - means[b]
    error = _standard_errors(sums, a, b)
    scale = TOLERANCE * max(float(np.abs(sums).sum(axis=0).max(initial=0.0)), 1e-300)
    # A pair that differs only by rounding, in the mean square over studies, counts as identical: its
    # statistic is 0 under every flip.
    rounding = TIE * float(np.linalg.norm(clusters.counts)) / clusters.n_studies
    apart = error > max(scale, rounding)
    inverse = np.divide(1.0, error, out=np.zeros_like(error), where=apart)
    raw, adjusted = np.empty(a.size), np.full(a.size, np.nan)
    statistic = np.abs(difference) * inverse
    order = np.argsort(-statistic, kind="stable")  # tie: none, the running maximum makes equal ones equal
    running, null = np.zeros(flipped.shape[1]), np.empty(flipped.shape[1])
    least, beyond = np.abs(difference) - scale, statistic - scale * inverse
    # Step-down max-T from the least statistic up: a pair needs only the maximum of those below. One pair at a
    # time, so that all of its flips stay in the processor's cache.
    for k in order[::-1].tolist():
        np.subtract(flipped[a[k]], flipped[b[k]], out=null)
        np.abs(null, out=null)
        raw[k] = np.count_nonzero(null >= least[k]) if apart[k] else null.size
        if adjust:
            null *= inverse[k]
            np.maximum(null, running, out=running)
            adjusted[k] = np.count_nonzero(running >= beyond[k])
    raw, adjusted = ((1 + hits) / (flipped.shape[1] + 1) for hits in (raw, adjusted))
    adjusted[order] = np.maximum.accumulate(adjusted[order])
    return Pairs(a, b, difference, raw, np.maximum(raw, adjusted))


def _standard_errors(sums: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> FloatArray:
    """√Σ d² of the per-patient differences, from the Gram matrix of the sums."""
    gram = sums.T @ sums
    square = np.diag(gram)
    return np.sqrt(np.maximum(square[a] + square[b] - 2 * gram[a, b], 0.0))


def _flipped(values: FloatArray, seed: int, flips: int) -> FloatArray:
    """Sums of `values`, shape (C, K), under random signs of the patients, shape (K, flips)."""
    rng = np.random.default_rng(seed)
    c = values.shape[0]
    out = np.empty((values.shape[1], flips))
    for start in range(0, flips, CHUNK):
        stop = min(start + CHUNK, flips)
        bits = np.frombuffer(rng.bytes((stop - start) * ((c + 7) // 8)), dtype=np.uint8)
        signs = np.unpackbits(bits.reshape(stop - start, -1), axis=1, count=c).astype(np.float64)
        signs *= 2
        signs -= 1
        np.matmul(values.T, signs.T, out=out[:, start:stop])
    return out


def benjamini_hochberg(p: Sequence[float] | FloatArray) -> FloatArray:
    """Adjusted p-values (q), in (0, 1] and the order given, shape (n,), that control the false discovery rate.

    Benjamini and Hochberg 1995.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")  # tie: none, equal values get the same q
    scaled = values[order] * values.size / np.arange(1, values.size + 1)
    q = np.empty_like(values)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def holm(p: Sequence[float] | FloatArray) -> FloatArray:
    """Adjusted p-values, in (0, 1] and the order given, shape (n,), that control the family-wise error under any dependence.

    Step-down Bonferroni: Holm 1979.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")  # tie: none, the running maximum makes equal ones equal
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(
        np.maximum.accumulate(values[order] * (values.size - np.arange(values.size))), 1.0
    )
    return adjusted
