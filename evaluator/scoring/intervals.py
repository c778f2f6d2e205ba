"""From records and per-study scores to a board's statistics and the values shown to readers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evaluator.core.problems import RexrankError
from evaluator.metrics.base import Metric
from evaluator.scoring.corpus import corpus_of, counted, estimate_of
from evaluator.statistics import bootstrap
from evaluator.statistics.board_analysis import metric_intervals

if TYPE_CHECKING:
    from evaluator.core.types import Scores
    from evaluator.scoring.records import Board


def board_seed(board: Board, references_sha256: str) -> int:
    """The seed of a board's draws; all but public datasets need the runner's secret salt.

    Raises `RexrankError` if such a dataset has no salt: with a public seed, published draws or many published
    intervals would give away per-study scores.
    """
    salt = ""
    if not board.dataset.exposure.studies:
        salt = os.environ.get("REXRANK_SALT", "")
        if not salt:
            raise RexrankError(
                f"{board.dataset.id} is not public and its bootstrap needs a secret salt. Set REXRANK_SALT on the "
                "runner to a long random text, and keep it: another salt gives different intervals."
            )
    return bootstrap.seed_of(board.dataset.id, board.track, references_sha256, salt)


def intervals(
    board: Board, references_sha256: str, patients: Sequence[str], scores: Mapping[str, Scores]
) -> dict[str, dict[str, float | None]]:
    """Per metric, `se`, `low` and `high` (the 95 % interval) of one submission, whatever else is on the board.

    `None` with fewer than 30 patients. Raises `RexrankError` as `board_seed`.
    """
    clusters, seed = bootstrap.clusters_of(patients), board_seed(board, references_sha256)
    means = {k: s.values for k, s in scores.items() if corpus_of(k) is None}
    spans = metric_intervals(means, clusters, seed)
    for key, counts in counted(scores).items():
        estimate = estimate_of(key, counts, clusters, seed)
        spans[key] = {"se": estimate.se, "low": estimate.low, "high": estimate.high}
    return spans


class PlainMean(NamedTuple):
    """What readers see next to a skill: the mean itself, and 1/mean if it is meaningful."""

    mean: float
    reciprocal: float | None


class Shown(NamedTuple):
    """What readers see of a metric; `note` says what a reciprocal's interval lacks."""

    value: float | None
    low: float | None
    high: float | None
    note: str = ""
    beside: PlainMean | None = None

    def fields(self) -> dict[str, float | str | None]:
        """The fields of a cell's display, `None` for an unknown end; those of `beside` only with a skill."""
        own = {"value": self.value, "low": self.low, "high": self.high, "note": self.note}
        return own | (self.beside._asdict() if self.beside else {})


def display(metric: Metric, mean: float, low: float | None, high: float | None) -> Shown:
    """What readers see of a metric: the mean and its interval, its skill, or 1/mean with the pole handled.

    A skill comes with the mean and 1/mean (null at and beyond its pole), which readers see next to it.
    """
    if metric.skill is not None:
        value, below, above = (None if v is None else metric.skill.at(v) for v in (mean, high, low))
        one_over = bootstrap.reciprocal(mean, None, None).value
        return Shown(value, below, above, beside=PlainMean(mean, one_over))
    if not metric.reciprocal:
        return Shown(mean, low, high)
    inverse = bootstrap.reciprocal(mean, low, high)
    return Shown(inverse.value, inverse.low, inverse.high, inverse.note)
