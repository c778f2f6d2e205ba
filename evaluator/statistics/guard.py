"""What keeps withheld references withheld over many submissions: the Ladder and coarse numbers.

Rounding is no defence against adaptive probing; few submissions and the Ladder (Blum and Hardt 2015,
arXiv 1502.04585) are. Rounding hides what one changed study does to a mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray


@dataclass(frozen=True, slots=True)
class LadderStep:
    """What is shown after a run: the mean, and whether it is the new one (`improved`)."""

    shown: float
    improved: bool
    gain: float | None
    standard_error: float | None


def ladder_step(
    best: FloatArray | None, new: FloatArray, clusters: Clusters, *, higher_is_better: bool
) -> LadderStep:
    """The parameter-free Ladder: a new mean is shown only if it beats the best by one standard error.

    `best`, `new`: per-study scores, shape (n,), of the run shown so far (`None` for the first) and
    of the new one. The standard error of their difference sums over patients.
    """
    mean = float(new.mean())
    if best is None:
        return LadderStep(mean, improved=True, gain=None, standard_error=None)
    difference = (new - best) if higher_is_better else (best - new)
    gain = float(difference.mean())
    deviations = clusters.sums((difference - gain)[:, None])[:, 0]
    error = math.sqrt(math.fsum(deviations**2)) / clusters.n_studies
    improved = gain > error
    return LadderStep(mean if improved else float(best.mean()), improved, gain, error)


def coarse(value: float, step: float) -> float:
    """A mean as it may be shown in steps: the nearest multiple of `step`.

    For rendering only; records and ranks keep full precision.

    >>> coarse(0.41234, 0.001), coarse(0.41234, 0.05)
    (0.412, 0.4)
    """
    return float(np.rint(value / step) * step)
