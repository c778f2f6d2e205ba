"""What a score is worth: every ranked model against every baseline, and its gains with their intervals.

One family of sign-flip tests of all models against all baselines of a board on its ranking metric
(Westfall-Young), apart from the family that ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.datasets.exposure import EXPOSURES
from evaluator.leaderboard.row import Gain, MetricCell, NullOutcome, NullTest, RankedRow
from evaluator.leaderboard.table import Table
from evaluator.metrics.registry import get_metric
from evaluator.scoring.corpus import corpus_of, draws_of, frame_counts, step_of, tested
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap, ranks, significance
from evaluator.statistics.rounding import coarse, p_class

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import FloatArray

OUTCOMES: Final[Mapping[NullOutcome, str]] = {
    "clears": "clears",
    "not_shown": "not shown to clear",
    "below": "below",
}


def add_null_tests(
    table: Table,
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    nulls: Mapping[str, pd.DataFrame],
) -> Table:
    """The table with every ranked row's tests against the baselines and with intervals of its gains.

    `frames`, `nulls`: per-study scores of ranked models and baselines, by id.
    """
    first = next(iter(frames.values()), None)
    if first is None or not nulls:
        return table
    clusters = bootstrap.clusters_of(first["patient"].tolist())
    seed = board_seed(board, references_sha256)
    both = {**frames, **nulls}
    draws = _draws([m.key for m in table.metrics if tested(m.key)], both, clusters, seed)
    tests = _tests(table, both, clusters, seed, draws)
    rows = tuple(_row(r, table, tests.get(r.id, ()), draws) for r in table.rows)
    return table.model_copy(update={"rows": rows})


def _draws(
    keys: Sequence[str], frames: Mapping[str, pd.DataFrame], clusters: bootstrap.Clusters, seed: int
) -> dict[tuple[str, str], FloatArray]:
    """By metric and model the bootstrap means; empty with too few patients."""
    if clusters.n < bootstrap.MIN_CLUSTERS:
        return {}
    holders = {k: [name for name, f in frames.items() if k in f.columns] for k in keys}
    places = [(k, name) for k, names in holders.items() for name in names if not corpus_of(k)]
    values = [np.asarray(frames[name][k], dtype=np.float64)[:, None] for k, name in places]
    means = bootstrap.draw_means(values, clusters, seed)
    by_holder = {place: column[:, 0] for place, column in zip(places, means, strict=True)}
    counts = {
        k: [frame_counts(k, frames[m]) for m in names]
        for k, names in holders.items()
        if names and corpus_of(k)
    }
    for key, column in draws_of(counts, clusters, seed).items():
        by_holder |= {(key, name): column[:, j] for j, name in enumerate(holders[key])}
    return by_holder


def _tests(
    table: Table,
    frames: Mapping[str, pd.DataFrame],
    clusters: bootstrap.Clusters,
    seed: int,
    draws: Mapping[tuple[str, str], FloatArray],
) -> dict[str, tuple[NullTest, ...]]:
    key, metric = table.primary, get_metric(table.primary)
    models = [r.id for r in table.rows]
    nulls = [r.id for r in table.nulls if r.id in frames and key in frames[r.id].columns and key in r.metrics]
    order = [*models, *nulls]
    if not nulls:
        return {}
    values = np.column_stack([np.asarray(frames[i][key], dtype=np.float64) for i in order])
    pairs = [(a, len(models) + b) for a in range(len(models)) for b in range(len(nulls))]
    result = significance.sign_flip(values, clusters, seed, pairs=pairs)
    sign = 1.0 if metric.higher_is_better else -1.0
    tests: dict[str, list[NullTest]] = {}
    for k, (a, b) in enumerate(pairs):
        gain, p = sign * float(result.difference[k]), float(result.p_adjusted[k])
        low, high = _interval(key, order[a], order[b], sign, draws)
        large = bool(ranks.matters(np.array(gain), metric.equivalence or 0.0)) and p < ranks.ALPHA
        outcome: NullOutcome = "not_shown" if not large else "clears" if gain > 0 else "below"
        test = NullTest(
            null=order[b],
            gain=_shown(gain, table.step),
            low=None if low is None else _shown(low, table.step),
            high=None if high is None else _shown(high, table.step),
            p=p_class(p) if table.p_classes else p,
            outcome=outcome,
        )
        tests.setdefault(order[a], []).append(test)
    return {name: tuple(results) for name, results in tests.items()}


def _interval(
    key: str, model: str, null: str, sign: float, draws: Mapping[tuple[str, str], FloatArray]
) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of a gain, on the same draws; unknown where there are none."""
    if (key, model) not in draws or (key, null) not in draws:
        return None, None
    low, high = np.quantile(sign * (draws[key, model] - draws[key, null]), [0.025, 0.975])
    return float(low), float(high)


def _shown(value: float, step: float | None) -> float:
    return value + 0.0 if step is None else coarse(value, step)


def _row(
    row: RankedRow, table: Table, tests: Sequence[NullTest], draws: Mapping[tuple[str, str], FloatArray]
) -> RankedRow:
    cells = {key: _cell(key, cell, row.id, table, draws) for key, cell in row.metrics.items()}
    return row.model_copy(update={"metrics": cells, "against_nulls": tuple(tests)})


def _cell(
    key: str, cell: MetricCell, model: str, table: Table, draws: Mapping[tuple[str, str], FloatArray]
) -> MetricCell:
    gain = cell.gain_over_null
    if gain is None:
        return cell
    sign = 1.0 if get_metric(key).higher_is_better else -1.0
    low, high = _interval(key, model, gain.null, sign, draws)
    step = step_of(EXPOSURES[table.access], key, cell.n)
    ends = {k: None if v is None else _shown(v, step) for k, v in (("low", low), ("high", high))}
    value = Gain(null=gain.null, gain=gain.gain, **ends)
    return cell.model_copy(update={"gain_over_null": value})
