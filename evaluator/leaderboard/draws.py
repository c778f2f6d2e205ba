"""A board's bootstrap draws, one metric at a time: all users of a metric's draws share the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evaluator.scoring.corpus import corpus_of, drawn, draws_of, frame_counts
from evaluator.scoring.intervals import board_seed
from evaluator.statistics import bootstrap

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import FloatArray
    from evaluator.scoring.records import Board


class MetricDraws:
    """The draws of models and baselines on a board's metrics.

    Only the last requested metric's are kept: those of all would take as much memory as the scores of all
    models. A model's draws are bit for bit the same whatever other models there are.
    """

    def __init__(
        self,
        board: Board,
        references_sha256: str,
        frames: Mapping[str, pd.DataFrame],
        columns: Mapping[str, Sequence[str]],
    ) -> None:
        """`frames`: per-study scores by name, at least one; `columns`: the metric keys that may be used from each."""
        self.frames, self._columns = frames, columns
        self.clusters = bootstrap.clusters_of(next(iter(frames.values()))["patient"].tolist())
        self.seed = board_seed(board, references_sha256)
        self._key, self._rows = "", np.empty((0, 0))
        self._place: dict[str, int] = {}

    def holders(self, key: str) -> list[str]:
        """The models with the metric, in alphabetical order."""
        return sorted(name for name in self.frames if key in self._columns[name])

    def of(self, key: str, names: Sequence[str]) -> FloatArray | None:
        """The metric of each of `names` in every draw, shape (draws, names); `None` if it has no interval."""
        if self.clusters.n < bootstrap.MIN_CLUSTERS or (corpus_of(key) and not drawn(key)):
            return None
        if key != self._key:
            holders = self.holders(key)
            # Before making the new ones, so that only one metric's are in memory.
            self._key, self._rows = "", np.empty((0, 0))
            self._rows = np.ascontiguousarray(self._drawn(key, holders).T)
            self._key, self._place = key, {name: j for j, name in enumerate(holders)}
        return self._rows[[self._place[n] for n in names]].T

    def _drawn(self, key: str, holders: Sequence[str]) -> FloatArray:
        if corpus_of(key):
            counts = {key: [frame_counts(key, self.frames[m]) for m in holders]}
            return draws_of(counts, self.clusters, self.seed)[key]
        values = np.column_stack([np.asarray(self.frames[m][key], dtype=np.float64) for m in holders])
        return bootstrap.draw_means([values], self.clusters, self.seed)[0]
