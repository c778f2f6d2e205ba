"""What keeps a private set private over many submissions: slots, the Ladder, and coarse numbers.

Rounding is no defence against adaptive probing; few submissions and the Ladder (Blum and Hardt 2015,
arXiv 1502.04585) are. Rounding hides what one changed study does to a mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray
from evaluator.statistics.ties import TIE

MIN_STEP: Final = 0.001
"""Numbers of private sets are never shown finer than this."""
STUDIES_PER_STEP: Final = 5
"""One study may move a mean on [0, 1] by 1/n: the step is worth five of them."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a team may be scored on a private set."""

    runs: int = 1
    window: timedelta = timedelta(days=30)
    runs_per_year: int = 6


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for scoring: `scored` is false when it failed and told nothing."""

    team: str
    dataset: str
    at: datetime
    scored: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """Whether a team may be scored now, and when it may be next (`None`: now)."""

    allowed: bool
    next: datetime | None
    used_in_window: int
    used_in_year: int


def slot(
    attempts: Iterable[Attempt], team: str, dataset: str, now: datetime, policy: Policy | None = None
) -> Slot:
    """The team's slot on a dataset; attempts that failed do not count.

    A run leaves the window exactly `window` after it was scored. Times must all have a time zone or
    all have none.
    """
    rule = policy or Policy()
    year = timedelta(days=365)
    times = sorted(a.at for a in attempts if a.scored and a.team == team and a.dataset == dataset)
    windows = ((rule.window, rule.runs), (year, rule.runs_per_year))
    used = [[t for t in times if t + span > now] for span, _ in windows]
    waits = [
        found[len(found) - limit] + span if limit else datetime.max.replace(tzinfo=now.tzinfo)
        for found, (span, limit) in zip(used, windows, strict=True)
        if len(found) >= limit
    ]
    return Slot(not waits, max(waits, default=None), len(used[0]), len(used[1]))


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
