"""What keeps withheld references withheld over many submissions: slots, the Ladder, and coarse numbers.

Rounding is no defence against adaptive probing; few submissions and the Ladder (Blum and Hardt 2015,
arXiv 1502.04585) are. Rounding hides what one changed study does to a mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a team may be scored on a withheld set."""

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
    improved = gain > error
    return LadderStep(mean if improved else float(best.mean()), improved, gain, error)


def coarse(value: float, step: float) -> float:
    """A mean as it may be shown in steps: the nearest multiple of `step`.

    For rendering only; records and ranks keep full precision.

    >>> coarse(0.41234, 0.001), coarse(0.41234, 0.05)
    (0.412, 0.4)
    """
    return float(np.rint(value / step) * step)
