"""From records and per-study scores to the statistics of a board, and to what readers see."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.metrics.base import Metric
from evaluator.metrics.registry import PRIMARY, REXRANK_KEYS, get_metric
from evaluator.problems import RexrankError
from evaluator.statistics import bootstrap
from evaluator.statistics.board import BoardAnalysis, BoardScores, analyse, metric_intervals
from evaluator.statistics.guard import coarse
from evaluator.statistics.ranks import Place

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.metrics.base import FloatArray, ProgressCallback
    from evaluator.records import Board

AGGREGATED: Final = tuple(k for k in REXRANK_KEYS if k != PRIMARY)
"""Metrics that count in the sensitivity panel: one each of ReXrank's families, RadCliQ left out."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A board's analysis in the shape that tables are made of."""

    board: BoardAnalysis

    @property
    def places(self) -> Mapping[str, Place]:
        """Place by `team/model`."""
        return self.board.places

    def table_parts(self, step: float | None = None) -> dict[str, Any]:
        """The parts of a table that are not rows.

        `step`: of a set that is not public. Differences are then as coarse as its means: with a model
        whose mean is known, an exact difference would give the other's away.
        """
        pairs = [asdict(p) for p in self.board.pairs]
        resolution = dict(self.board.resolution)
        if step is not None:
            for pair in pairs:
                for key in ("difference", "low", "high"):
                    pair[key] = None if pair[key] is None else coarse(pair[key], step)
            resolution = {k: None if v is None else float(f"{v:.2g}") for k, v in resolution.items()}
        return {
            "resolution": resolution,
            "sensitivity": dict(self.board.sensitivity),
            "stability": dict(self.board.stability),
            "pairs": pairs,
        }


def board_seed(board: Board, references_sha256: str) -> int:
    """The seed of a board's draws; all but public sets need the runner's secret salt.

    Raises `RexrankError` when another set has no salt: with a public seed, published draws or
    many published intervals would give per-study scores away.
    """
    salt = ""
    if not board.dataset.exposure.studies:
        salt = os.environ.get("REXRANK_SALT", "")
        if not salt:
            raise RexrankError(
                f"{board.dataset.id} is not public and its bootstrap needs a secret salt. Set REXRANK_SALT on the "
                "runner to a long random text, and keep it: another salt gives other intervals."
            )
    return bootstrap.seed_of(board.dataset.id, board.track, references_sha256, salt)


def intervals(
    board: Board, references_sha256: str, patients: Sequence[str], values: Mapping[str, FloatArray]
) -> dict[str, dict[str, float | None]]:
    """Per metric `se`, `low`, `high` of one submission; the same whatever else is on the board."""
    return metric_intervals(values, bootstrap.clusters_of(patients), board_seed(board, references_sha256))


def analyse_board(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    columns: Mapping[str, Sequence[str]],
    primary: str = PRIMARY,
    progress: ProgressCallback | None = None,
) -> Analysis | None:
    """The analysis of the ranked models, by name; `None` when there is none.

    `frames` hold the per-study scores, `columns` the metric keys that may be used of each.
    """
    if not frames:
        return None
    first = next(iter(frames.values()))
    scores = BoardScores(
        values={
            name: {k: np.asarray(frame[k], dtype=np.float64) for k in columns[name]}
            for name, frame in frames.items()
        },
        clusters=bootstrap.clusters_of(first["patient"].tolist()),
        primary=primary,
        direction={k: 1 if get_metric(k).higher_is_better else -1 for keys in columns.values() for k in keys},
        families={k: get_metric(k).family for k in AGGREGATED if any(k in keys for keys in columns.values())},
    )
    return Analysis(analyse(scores, board_seed(board, references_sha256), progress))


def display(metric: Metric, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What readers see of a metric: the mean and its interval, or 1/mean with the pole handled."""
    mean, low, high = entry["mean"], entry["low"], entry["high"]
    if not metric.reciprocal:
        return {"value": mean, "low": low, "high": high, "note": ""}
    shown = bootstrap.reciprocal(mean, low, high)
    return {"value": shown.value, "low": shown.low, "high": shown.high, "note": shown.note}
