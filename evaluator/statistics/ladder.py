"""The Ladder (Blum and Hardt 2015, arXiv 1502.04585), with a step that a few studies cannot reach.

The parameter-free Ladder takes one standard error of the difference to the best run. If two runs differ in
one study, that error is as small as the gain, and each run would answer a question about that study. A gain
must therefore also exceed the standard error of a typical pair of the board's models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray
from evaluator.statistics.ties import TIE


@dataclass(frozen=True, slots=True)
class LadderStep:
    """What is shown after a run: the mean, and whether it is the new one (`improved`)."""

    shown: float
    improved: bool
    gain: float | None
    standard_error: float | None


def ladder_step(
    best: FloatArray | None,
    new: FloatArray,
    clusters: Clusters,
    *,
    higher_is_better: bool,
    typical: float = 0.0,
) -> LadderStep:
    """A new mean is shown only if it beats the best by more than a standard error, its own and the board's.

    `best`, `new`: per-study scores, shape (n,), of the run shown so far (`None` for the first) and
    of the new one. The standard error of their difference sums over patients. `typical`: that of a typical pair
    of the board (`typical_error`).
    """
    mean = float(new.mean())
    if best is None:
        return LadderStep(mean, improved=True, gain=None, standard_error=None)
    difference = (new - best) if higher_is_better else (best - new)
    gain = float(difference.mean())
    deviations = clusters.sums((difference - gain)[:, None])[:, 0]
    error = math.sqrt(math.fsum(deviations**2)) / clusters.n_studies
    improved = gain > max(error, typical, TIE)
    return LadderStep(mean if improved else float(best.mean()), improved, gain, error)


def typical_error(values: FloatArray, clusters: Clusters) -> float:
    """The median standard error of a difference of two means, over all pairs of columns of shape (n, M).

    With a single column, that of the mean itself, which differences of unlike models rarely fall below.
    """
    sums = clusters.sums(values - values.mean(axis=0)) / clusters.n_studies
    if values.shape[1] == 1:
        return float(np.linalg.norm(sums))
    a, b = np.triu_indices(values.shape[1], 1)
    return float(np.median([np.linalg.norm(sums[:, i] - sums[:, j]) for i, j in zip(a, b, strict=True)]))
