"""The statistics of a whole board, in the form that tables need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.rank_types import Resolution, Sensitivity, Shares, Stability
from evaluator.leaderboard.table import PairTest, TableParts
from evaluator.metrics.registry import get_metric
from evaluator.statistics.board_analysis import BoardAnalysis, BoardScores, analyse
from evaluator.statistics.ranks import Place
from evaluator.statistics.rounding import coarse, coarse_share, p_class

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import ProgressCallback
    from evaluator.scoring.records import Board


DIFFERENCES: Final = ("difference", "low", "high")
"""The fields of a pair in the metric's own unit."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A board's analysis in the form that tables need."""

    board: BoardAnalysis

    @property
    def places(self) -> Mapping[str, Place]:
        """Place by `team/model`."""
        return self.board.places

    def table_parts(self, step: float | None = None, *, exact_tests: bool = True) -> TableParts:
        """The parts of a table besides its rows.

        `step`: for a dataset that is not public. Differences are then as coarse as its means: with a model
        whose mean is known, an exact difference would reveal the other's. Without `exact_tests`, p-values are
        in classes and shares of draws in twentieths.
        """
        tests = [p if exact_tests else replace(p, p=p_class(p.p)) for p in self.board.pairs]
        pairs = [asdict(p) for p in tests]
        resolution = dict(self.board.resolution)
        if step is not None:
            for pair in pairs:
                rounded = {k: coarse(v, step) for k, v in pair.items() if k in DIFFERENCES and v is not None}
                pair.update(rounded)
            resolution = {k: None if v is None else float(f"{v:.2g}") for k, v in resolution.items()}
        stability = Stability(**self.board.stability)
        if not exact_tests:
            stability = _coarse_stability(stability)
        return TableParts(
            resolution=Resolution(**resolution),
            sensitivity=Sensitivity(**self.board.sensitivity),
            stability=stability,
            pairs=tuple(PairTest(**pair) for pair in pairs),
        )


def _coarse_stability(stability: Stability) -> Stability:
    def shares(model: Shares) -> Shares:
        return Shares(
            first=coarse_share(model.first),
            top3=coarse_share(model.top3),
        )

    models = {name: shares(model) for name, model in stability.models.items()}
    return Stability(tau=tuple(map(coarse_share, stability.tau)), models=models)


def analyse_board(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    columns: Mapping[str, Sequence[str]],
    primary: str,
    progress: ProgressCallback | None = None,
    draws: MetricDraws | None = None,
) -> Analysis | None:
    """The analysis of the ranked models, by name; `None` if there are none.

    `frames` have the per-study scores, `columns` the metric keys that may be used from each. `draws`:
    existing ones that include the models.
    """
    if not frames:
        return None
    draws = draws or MetricDraws(board, references_sha256, frames, columns)
    clusters, used = draws.clusters, [columns[name] for name in frames]
    scores = BoardScores(
        values={
            name: {k: np.asarray(frame[k], dtype=np.float64) for k in columns[name]}
            for name, frame in frames.items()
        },
        clusters=clusters,
        primary=primary,
        direction={k: 1 if get_metric(k).higher_is_better else -1 for keys in used for k in keys},
        families={k: get_metric(k).family for k in board.task.aggregated if any(k in keys for keys in used)},
        band=get_metric(primary).equivalence or 0.0,
        draws=draws.of(primary, sorted(frames)),
    )
    return Analysis(analyse(scores, draws.seed, progress))
