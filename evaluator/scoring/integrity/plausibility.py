"""Whether scores are plausible: C3, C14–C17, C22 and C23."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.core.host_files import read_host_file
from evaluator.core.typed import TypedTable
from evaluator.core.types import Scores
from evaluator.metrics.radcliq import PARTS, V1
from evaluator.metrics.registry import get_metric
from evaluator.scoring.corpus import value_of
from evaluator.scoring.integrity.flags import Flag, Outcome
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.record import OutlierCounts, SignalTest

if TYPE_CHECKING:
    from evaluator.scoring.engine import Scored
    from evaluator.scoring.records import Board

MAD_TO_SD: Final = 1.4826
"""Median absolute deviation of a normal distribution, inverted."""


def check_failures(scores: Mapping[str, Scores]) -> list[Flag]:
    """C3: studies that metrics could not score; they get the worst score, and many of them need a person's review."""
    flags = []
    for key, values in scores.items():
        n, failed = values.failed.size, int(values.failed.sum())
        if failed:
            many = failed > limits().failed.quarantine_share * n
            text = f"{key}: {failed} of {n} studies could not be scored"
            flags.append(Flag("C3", Outcome.QUARANTINE if many else Outcome.BADGE, text))
    return flags


def means(scored: Scored) -> dict[str, float]:
    """Each metric's mean over the studies, or its value on the whole dataset, by key."""
    return {key: value_of(key, scores) for key, scores in scored.scores.items()}


def check_signal(signal: Mapping[str, SignalTest] | None) -> list[Flag]:
    """C14, at most one flag: reports do not fit their own study better than others of its kind.

    `signal`: per metric the gain of a report's own reference over permuted ones, and the p-value of the
    permutation test; `None` if nothing can be tested. One metric with a gain is enough, at a level shared
    among them.
    """
    if not signal:
        return []
    level = limits().signal.p / len(signal)
    if any(test.p <= level for test in signal.values()):
        return []
    tests = ", ".join(f"{k} p = {t.p:.3f}" for k, t in signal.items())
    text = f"no image signal: the reports fit permuted references of the same kind as well as their own ({tests})"
    return [Flag("C14", Outcome.BADGE, text)]


class Ceilings(TypedTable[str, dict[str, dict[str, float]]]):
    """`ceilings.toml`: means by dataset, track and metric."""


@cache
def ceilings() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """The best reported mean by dataset, track and metric, from `ceilings.toml`."""
    return read_host_file(resources.files(__package__).joinpath("ceilings.toml"), Ceilings).root


def check_too_good(board: Board, scored: Scored) -> list[Flag]:
    """C15: means far beyond the best reported on the board, or RadCliQ-v1 below 0.

    Far beyond: by more than a share of the distance to a perfect score, and by more than some standard
    errors.
    """
    rules = limits().too_good
    if board.dataset.id in rules.skip:
        return []
    best = ceilings().get(board.dataset.id, {}).get(board.track, {})
    now = means(scored)
    flags = []
    radcliq = now.get("radcliq_v1")
    if radcliq is not None and radcliq < rules.radcliq_mean:
        flags.append(Flag("C15", Outcome.QUARANTINE, f"radcliq_v1: mean {radcliq:.4f} is below 0"))
    for key in sorted((now.keys() & best.keys()) - {"radcliq_v1" if flags else ""}):
        metric, values = get_metric(key), scored.scores[key].values
        perfect = metric.upper_bound if metric.higher_is_better else metric.lower_bound
        if perfect is None:
            continue
        error = float(values.std()) / math.sqrt(values.size)
        room = max(rules.headroom * abs(perfect - best[key]), rules.errors * error)
        if (now[key] - best[key]) * (1 if metric.higher_is_better else -1) > room:
            text = f"{key}: mean {now[key]:.4f} is far beyond the best reported, {best[key]:.4f}"
            flags.append(Flag("C15", Outcome.QUARANTINE, text))
    return flags


def check_identity(means: Mapping[str, float], *, rounded: bool) -> list[Flag]:
    """C16: RadCliQ-v1 against its own formula; BLEU-2, whose weight is zero, may be absent."""
    if any(k not in means for k in (*PARTS[:3], "radcliq_v1")):
        return []
    parts = np.array([[means.get(k, 0.0) for k in PARTS]])
    gap = abs(means["radcliq_v1"] - float(V1(parts)[0]))
    limit = limits().identity.rounded if rounded else limits().identity.exact
    if gap <= limit:
        return []
    return [Flag("C16", Outcome.REJECT, f"radcliq_v1 differs by {gap:.4f} from what its parts give")]


def check_claims(claimed: Mapping[str, float], means: Mapping[str, float]) -> list[Flag]:
    """C17: self-reported means against the recomputed ones; judged metrics have more room."""
    rules = limits().self_reported
    flags = []
    for key in sorted(claimed.keys() & means.keys()):
        gap = abs(claimed[key] - means[key])
        limit = rules.judged if get_metric(key).family == "judge" else rules.deterministic
        if gap > limit:
            flags.append(
                Flag("C17", Outcome.QUARANTINE, f"{key}: claimed {claimed[key]:.4f}, found {means[key]:.4f}")
            )
    return flags


def check_drop(model: str, gains: Mapping[str, float]) -> list[Flag]:
    """C22, at most one flag: a model loses far more from readable to withheld datasets than the cohort.

    `gains`: per model its performance on public and restricted datasets minus that on withheld ones. Small
    cohorts, and those without spread, get no flag.
    """
    rules = limits().contamination
    if model not in gains or len(gains) < rules.min_models:
        return []
    centre = median(gains.values())
    spread = MAD_TO_SD * median(abs(g - centre) for g in gains.values())
    if spread <= 0 or gains[model] - centre <= rules.deviations * spread:
        return []
    text = f"possible contamination: {(gains[model] - centre) / spread:.1f} robust SD above the cohort's drop"
    return [Flag("C22", Outcome.BADGE, text)]


def check_judges(outliers: Mapping[str, OutlierCounts] | None, n: int) -> list[Flag]:
    """C23: judge scores far above the expectation from RadGraph-F1 and RaTEScore, in more than a few studies."""
    limit = limits().judge_outliers.badge_share
    return [
        Flag(
            "C23",
            Outcome.BADGE,
            f"{key}: {counts.above} of {n} studies score far above what was to be expected",
        )
        for key, counts in sorted((outliers or {}).items())
        if counts.above > limit * n
    ]
