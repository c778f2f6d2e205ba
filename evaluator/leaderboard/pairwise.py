"""All pairs of a board's models on every metric: what the compare page shows without the scores.

Percentile intervals of paired differences from the board's own bootstrap, and the sign-flip test,
raw and as q (Benjamini-Hochberg over all pairs of one metric). Exploratory: ranks rest on the
primary metric's adjusted tests alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.metrics.registry import metric_keys
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap, significance
from evaluator.statistics.rounding import coarse

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import FloatArray

PAIRWISE_SCHEMA: Final = "rexrank/pairwise/v1"


def board_pairwise(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    columns: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Per metric the pairs of models that both have it, a before b in the alphabet.

    `{"schema", "dataset", "track", "n", "n_clusters", "metrics": {key: [{a, b, difference, low,
    high, p, q}]}}`; `difference` is mean of a minus mean of b. Ends are `None` with fewer than 30
    patients. Differences and ends are as coarse as the set's means.
    """
    first = next(iter(frames.values()), None)
    result: dict[str, Any] = {
        "schema": PAIRWISE_SCHEMA,
        "dataset": board.dataset.id,
        "track": board.track,
        "n": 0 if first is None else len(first),
        "n_clusters": 0,
        "metrics": {},
    }
    if first is None:
        return result
    clusters = bootstrap.clusters_of(first["patient"].tolist())
    seed = board_seed(board, references_sha256)
    result["n_clusters"] = clusters.n
    holders = {k: sorted(m for m in frames if k in columns[m]) for k in metric_keys()}
    holders = {k: models for k, models in holders.items() if len(models) > 1}
    values = {
        k: np.column_stack([np.asarray(frames[m][k], dtype=np.float64) for m in models])
        for k, models in holders.items()
    }
    draws: Sequence[FloatArray | None] = [None] * len(values)
    if clusters.n >= bootstrap.MIN_CLUSTERS:
        draws = bootstrap.draw_means([values[k] for k in holders], clusters, seed)
    step = board.dataset.exposure.step(len(first))
    for (key, models), drawn in zip(holders.items(), draws, strict=True):
        tests = significance.sign_flip(values[key], clusters, seed)
        result["metrics"][key] = _pairs(models, tests, drawn, step)
    return result


def _pairs(
    models: Sequence[str], tests: significance.Pairs, draws: FloatArray | None, step: float | None
) -> list[dict[str, Any]]:
    """The rows of one metric; with `step`, coarse."""

    def shown(value: float) -> float:
        return float(f"{value:.6g}") if step is None else coarse(value, step)

    q = significance.benjamini_hochberg(tests.p)
    rows = []
    for k, (i, j) in enumerate(combinations(range(len(models)), 2)):
        low = high = None
        if draws is not None:
            ends = np.quantile(draws[:, i] - draws[:, j], [0.025, 0.975])
            low, high = shown(float(ends[0])), shown(float(ends[1]))
        rows.append(
            {
                "a": models[i],
                "b": models[j],
                "difference": shown(float(tests.difference[k])),
                "low": low,
                "high": high,
                "p": float(f"{tests.p[k]:.4g}"),
                "q": float(f"{q[k]:.4g}"),
            }
        )
    return rows
