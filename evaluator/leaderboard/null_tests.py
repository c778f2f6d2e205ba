"""Every ranked model against every baseline, and its gains with their intervals.

One family of sign-flip tests of all models against all baselines of a board on its ranking metric
(Westfall-Young), separate from the family that ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from evaluator.datasets.exposure import EXPOSURES
from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.row import Gain, MetricCell, NullOutcome, NullTest, RankedRow
from evaluator.leaderboard.table import Table
from evaluator.metrics.registry import get_metric
from evaluator.scoring.corpus import step_of, tested
from evaluator.statistics import ranks, significance
from evaluator.statistics.rounding import coarse, p_class

Gained = tuple[str, str, str]
"""A metric, a model, and the baseline over which it gains."""
Ends = Mapping[Gained, tuple[float, float]]
"""Lower and upper ends of intervals."""
NONE: Final[tuple[float | None, float | None]] = (None, None)
OUTCOMES: Final[Mapping[NullOutcome, str]] = {
    "clears": "clears",
    "not_shown": "does not clear",
    "below": "below",
}


def add_null_tests(table: Table, draws: MetricDraws, ends: Ends) -> Table:
    """The table with every ranked row's tests against the baselines and with intervals of its gains.

    `draws`: of ranked models and baselines; `ends`: `gain_ends` of every metric.
    """
    tests = _tests(table, draws, ends)
    rows = tuple(_row(r, table, tests.get(r.id, ()), ends) for r in table.rows)
    return table.model_copy(update={"rows": rows})


def gain_ends(key: str, table: Table, draws: MetricDraws) -> dict[Gained, tuple[float, float]]:
    """The 95 % intervals of models' gains over baselines on a metric, on the same draws; empty for one without."""
    if not tested(key) or table.column(key) is None:
        return {}
    column = {name: j for j, name in enumerate(draws.holders(key))}
    wanted = {
        (r.id, null)
        for r in table.rows
        for null in (
            [n.id for n in table.nulls] if key == table.primary else [g.null for g in _gains(r, key)]
        )
        if {r.id, null} <= column.keys()
    }
    of_all = draws.of(key, [*column]) if wanted else None
    if of_all is None:
        return {}
    sign = 1.0 if get_metric(key).higher_is_better else -1.0
    ends = {}
    for model, null in sorted(wanted):  # tie: none, pairs differ
        gains = sign * (of_all[:, column[model]] - of_all[:, column[null]])
        low, high = np.quantile(gains, [0.025, 0.975])
        ends[key, model, null] = (float(low), float(high))
    return ends


def _gains(row: RankedRow, key: str) -> list[Gain]:
    """The row's gain over the best baseline on a metric; empty without one."""
    cell = row.metrics.get(key)
    return [cell.gain_over_null] if cell is not None and cell.gain_over_null is not None else []


def _tests(table: Table, draws: MetricDraws, ends: Ends) -> dict[str, tuple[NullTest, ...]]:
    frames = draws.frames
    key, metric = table.primary, get_metric(table.primary)
    models = [r.id for r in table.rows]
    nulls = [r.id for r in table.nulls if r.id in frames and key in frames[r.id].columns and key in r.metrics]
    order = [*models, *nulls]
    if not nulls:
        return {}
    values = np.column_stack([np.asarray(frames[i][key], dtype=np.float64) for i in order])
    pairs = [(a, len(models) + b) for a in range(len(models)) for b in range(len(nulls))]
    result = significance.sign_flip(values, draws.clusters, draws.seed, pairs=pairs)
    sign = 1.0 if metric.higher_is_better else -1.0
    tests: dict[str, list[NullTest]] = {}
    for k, (a, b) in enumerate(pairs):
        gain, p = sign * float(result.difference[k]), float(result.p_adjusted[k])
        low, high = ends.get((key, order[a], order[b]), NONE)
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


def _shown(value: float, step: float | None) -> float:
    return value + 0.0 if step is None else coarse(value, step)


def _row(
    row: RankedRow, table: Table, tests: Sequence[NullTest], ends: Mapping[Gained, tuple[float, float]]
) -> RankedRow:
    cells = {key: _cell(key, cell, row.id, table, ends) for key, cell in row.metrics.items()}
    return row.model_copy(update={"metrics": cells, "against_nulls": tuple(tests)})


def _cell(
    key: str, cell: MetricCell, model: str, table: Table, ends: Mapping[Gained, tuple[float, float]]
) -> MetricCell:
    gain = cell.gain_over_null
    if gain is None:
        return cell
    low, high = ends.get((key, model, gain.null), NONE)
    step = step_of(EXPOSURES[table.access], key, cell.n)
    interval = {k: None if v is None else _shown(v, step) for k, v in (("low", low), ("high", high))}
    value = Gain(null=gain.null, gain=gain.gain, **interval)
    return cell.model_copy(update={"gain_over_null": value})
