"""The parameter-free Ladder (Blum and Hardt 2015, arXiv 1502.04585)."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    improved = gain > max(error, TIE)
    return LadderStep(mean if improved else float(best.mean()), improved, gain, error)
