"""Which differences are real: paired sign-flip tests on patients, and corrections for many of them.

Under the null hypothesis the two models' outputs are exchangeable within a patient, so the sign of
each patient's difference may be flipped. All pairs come from one product of signs and per-patient
sums. Family-wise error: Westfall and Young 1993, step-down max-T. False discoveries: Benjamini and
Hochberg 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        """Adjusted p-values as a symmetric matrix with ones on the diagonal."""
        out = np.ones((n_models, n_models))
        out[self.a, self.b] = out[self.b, self.a] = self.p_adjusted
        return out


def sign_flip(values: FloatArray, clusters: Clusters, seed: int, flips: int = FLIPS) -> Pairs:
    """The tests of all pairs of models on per-study values of shape (n, M).

    `p = (1 + #{|D*| ≥ |D|}) / (B + 1)`, so identical systems get exactly 1 and p is never 0.
    """
    sums = clusters.sums(values - values.mean(axis=1, keepdims=True)) / clusters.n_studies
    m = values.shape[1]
    index = np.array(list(combinations(range(m), 2)), dtype=np.int64).reshape(-1, 2)
    a, b = index[:, 0], index[:, 1]
    observed = sums.sum(axis=0)
    difference = observed[a] - observed[b]
    error = _standard_errors(sums, a, b)
    scale = TOLERANCE * max(float(np.abs(sums).sum(axis=0).max(initial=0.0)), 1e-300)
    # A pair that differs by rounding alone, in the square mean over studies, counts as identical: its
    # statistic is 0 under every flip.
    rounding = TIE * float(np.linalg.norm(clusters.counts)) / clusters.n_studies
    apart = error > max(scale, rounding)
    inverse = np.divide(1.0, error, out=np.zeros_like(error), where=apart)
    flipped = _flipped(sums, seed, flips)
    distance = np.abs(flipped[:, a] - flipped[:, b])
    raw = (1 + (~apart | (distance >= np.abs(difference) - scale)).sum(axis=0)) / (flips + 1)
    adjusted = _step_down(distance * inverse, np.abs(difference) * inverse, scale * inverse)
    return Pairs(a, b, difference, raw, np.maximum(raw, adjusted))


def _standard_errors(sums: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> FloatArray:
    """√Σ d² of the per-patient differences, from the Gram matrix of the sums."""
    gram = sums.T @ sums
    square = np.diag(gram)
    return np.sqrt(np.maximum(square[a] + square[b] - 2 * gram[a, b], 0.0))


def _flipped(sums: FloatArray, seed: int, flips: int) -> FloatArray:
    """Score sums under random signs of the patients, shape (flips, M)."""
    rng = np.random.default_rng(seed)
    c = sums.shape[0]
    # Exact products: ties between flips stay ties, and p-values do not depend on the machine.
    values = fixed_point(sums, c)
    out = np.empty((flips, sums.shape[1]))
    for start in range(0, flips, CHUNK):
        stop = min(start + CHUNK, flips)
        bits = np.frombuffer(rng.bytes((stop - start) * ((c + 7) // 8)), dtype=np.uint8)
        heads = np.unpackbits(bits.reshape(stop - start, -1), axis=1, count=c)
        out[start:stop] = (heads.astype(np.float64) * 2 - 1) @ values
    return out


def _step_down(null: FloatArray, observed: FloatArray, slack: FloatArray) -> FloatArray:
    """Westfall–Young adjusted p-values from null statistics (B, m) and observed ones (m,)."""
    if observed.size == 0:
        return observed
    order = np.argsort(-observed, kind="stable")  # tie: none, the running maximum makes equal ones equal
    running = np.zeros(null.shape[0])
    adjusted = np.empty(observed.size)
    for j in order[::-1]:
        np.maximum(running, null[:, j], out=running)
        adjusted[j] = (1 + (running >= observed[j] - slack[j]).sum()) / (null.shape[0] + 1)
    adjusted[order] = np.maximum.accumulate(adjusted[order])
    return adjusted


def benjamini_hochberg(p: Sequence[float] | FloatArray) -> FloatArray:
    """Adjusted p-values (q) controlling the false discovery rate, in the order given.

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
    """Adjusted p-values that control the family-wise error whatever the tests depend on, in the order given.

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
