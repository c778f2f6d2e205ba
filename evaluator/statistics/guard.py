"""What keeps a private set private over many submissions: slots, the Ladder, and coarse numbers.

Rounding is no defence against adaptive probing; few submissions and the Ladder (Blum and Hardt 2015,
arXiv 1502.04585) are. Rounding hides what one changed study does to a mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray

MIN_STEP: Final = 0.001
"""Numbers of private sets are never shown finer than this."""
STUDIES_PER_STEP: Final = 5
"""One study may move a mean on [0, 1] by 1/n: the step is worth five of them."""


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


def step_for(n_studies: int) -> float:
    """The granularity of shown means on a private set: max(0.001, 5/n).

    >>> step_for(10_000), step_for(62)
    (0.001, 0.08064516129032258)
    """
    return max(MIN_STEP, STUDIES_PER_STEP / n_studies)


def coarse(value: float, n_studies: int) -> float:
    """A mean as it may be shown of a private set: the nearest multiple of the step.

    For rendering only; records and ranks keep full precision.
    """
    step = step_for(n_studies)
    return float(np.rint(value / step) * step)


def coarse_text(value: float, n_studies: int) -> str:
    """`coarse` with as many decimals as the step has, so that no digit says more than it does.

    >>> coarse_text(0.41234, 10_000), coarse_text(0.41234, 590), coarse_text(0.41234, 62)
    ('0.412', '0.415', '0.40')
    """
    return f"{coarse(value, n_studies):.{max(0, math.ceil(-math.log10(step_for(n_studies))))}f}"
