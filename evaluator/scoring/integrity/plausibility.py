"""Whether scores can be what they claim to be: C3, C14–C17, C22 and C23."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Final

import numpy as np

from evaluator.core.types import Scores
from evaluator.metrics.radcliq import PARTS, V1
from evaluator.metrics.registry import get_metric
from evaluator.scoring.integrity.flags import Flag, Outcome, limits

MAD_TO_SD: Final = 1.4826
"""Median absolute deviation of a normal distribution, inverted."""


def check_failures(scores: Mapping[str, Scores]) -> list[Flag]:
    """C3: metrics that could not score their studies; they count as worst, and many need a person."""
    flags = []
    for key, found in scores.items():
        n, failed = found.failed.size, int(found.failed.sum())
        if failed:
            many = failed > limits()["failed"]["quarantine_share"] * n
            text = f"{key}: {failed} of {n} studies could not be scored"
            flags.append(Flag("C3", Outcome.QUARANTINE if many else Outcome.BADGE, text))
    return flags


def check_signal(low: float, high: float) -> list[Flag]:
    """C14: whether reports fit their own study better than another's.

    `low`, `high`: interval of the mean of score(report, its reference) − score(report, another
    reference of its stratum), higher is better.
    """
    if low > 0 or high < low:
        return []
    span = f"{low:.3f} to {high:.3f}".replace("-", "−")
    text = f"no image signal: own reference minus another patient's {span}"
    return [Flag("C14", Outcome.BADGE, text)]


def check_too_good(means: Mapping[str, float], ceilings: Mapping[str, float]) -> list[Flag]:
    """C15: means beyond what a second radiologist or the best verified model reaches (`ceilings`)."""
    flags = []
    radcliq = means.get("radcliq_v1")
    if radcliq is not None and radcliq < limits()["too_good"]["radcliq_mean"]:
        flags.append(Flag("C15", Outcome.QUARANTINE, f"radcliq_v1: mean {radcliq:.4f} is below 0"))
    for key in sorted(means.keys() & ceilings.keys()):
        sign = 1 if get_metric(key).higher_is_better else -1
        if sign * (means[key] - ceilings[key]) > 0:
            text = f"{key}: mean {means[key]:.4f} is beyond the dataset's ceiling {ceilings[key]:.4f}"
            flags.append(Flag("C15", Outcome.QUARANTINE, text))
    return flags


def check_identity(means: Mapping[str, float], *, rounded: bool) -> list[Flag]:
    """C16: RadCliQ-v1 against its own formula; BLEU-2, whose weight is nil, may be absent."""
    if any(k not in means for k in (*PARTS[:3], "radcliq_v1")):
        return []
    parts = np.array([[means.get(k, 0.0) for k in PARTS]])
    gap = abs(means["radcliq_v1"] - float(V1(parts)[0]))
    limit = limits()["identity"]["rounded" if rounded else "exact"]
    if gap <= limit:
        return []
    return [Flag("C16", Outcome.REJECT, f"radcliq_v1 differs by {gap:.4f} from what its parts give")]


def check_claims(claimed: Mapping[str, float], means: Mapping[str, float]) -> list[Flag]:
    """C17: self-reported means against the recomputed ones; judged metrics have more room."""
    rules = limits()["self_reported"]
    flags = []
    for key in sorted(claimed.keys() & means.keys()):
        gap = abs(claimed[key] - means[key])
        limit = rules["judged" if get_metric(key).family == "judge" else "deterministic"]
        if gap > limit:
            flags.append(
                Flag("C17", Outcome.QUARANTINE, f"{key}: claimed {claimed[key]:.4f}, found {means[key]:.4f}")
            )
    return flags


def check_drop(model: str, gains: Mapping[str, float]) -> list[Flag]:
    """C22: whether a model loses far more from readable to withheld sets than the cohort.

    `gains`: per model its goodness on public and restricted sets minus that on withheld ones. Nothing is
    said of small cohorts or of one without spread.
    """
    rules = limits()["contamination"]
    if model not in gains or len(gains) < rules["min_models"]:
        return []
    centre = median(gains.values())
    spread = MAD_TO_SD * median(abs(g - centre) for g in gains.values())
    if spread <= 0 or gains[model] - centre <= rules["deviations"] * spread:
        return []
    text = f"possible contamination: {(gains[model] - centre) / spread:.1f} robust SD above the cohort's drop"
    return [Flag("C22", Outcome.BADGE, text)]


def check_judges(outliers: Mapping[str, Mapping[str, int]] | None, n: int) -> list[Flag]:
    """C23: judge scores far above what RadGraph-F1 and RaTEScore lead to expect, in more than a few studies."""
    limit = limits()["judge_outliers"]["badge_share"]
    return [
        Flag(
            "C23",
            Outcome.BADGE,
            f"{key}: {counts['above']} of {n} studies score far above what was to be expected",
        )
        for key, counts in sorted((outliers or {}).items())
        if counts["above"] > limit * n
    ]
