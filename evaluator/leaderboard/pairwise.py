"""All pairs of a board's models on every metric: what the compare page shows without the scores.

Percentile intervals of paired differences from the board's own bootstrap, and the sign-flip test,
raw and as q (Benjamini-Hochberg over all pairs of one metric). Exploratory: ranks rest on the
primary metric's adjusted tests alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from evaluator.leaderboard.analysis import Analysis
from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.overall_table import OverallTable
from evaluator.leaderboard.table import PairTest, Table
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.corpus import frame_value, step_of, tested
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap, significance
from evaluator.statistics.rounding import coarse_all, p_classes, six_decimals

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluator.core.types import FloatArray
    from evaluator.datasets.exposure import Exposure


@dataclass(frozen=True, slots=True)
class MetricPair:
    """Two models (`team/model`) on one metric: mean of a minus mean of b, its interval, p, and q over the metric's pairs.

    `low` and `high` are null with fewer than 30 patients, `p` (sign-flip test by patient, unadjusted) and `q` (false
    discovery rate) for a figure of the whole set, which is not tested. On the ranking metric alone: `p_adjusted` for all
    pairs of the board, which is the test that ranks, `better`, which of the two it shows to be better, and `matters`,
    whether the means are as far apart as matters. Plain values, checked as columns where they are read: a board of
    250 models has 400,000 pairs.
    """

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    p_adjusted: float | None = None
    better: Literal["a", "b"] | None = None
    matters: bool | None = None


@dataclass(frozen=True, slots=True)
class Pairwise:
    """All pairs of a board's ranked models on every metric that both have, by metric key.

    Exploratory except for the adjusted tests of the ranking metric.
    """

    metrics: Mapping[str, tuple[MetricPair, ...]]


def board_pairwise(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    columns: Mapping[str, Sequence[str]],
) -> Pairwise:
    """Per metric, the pairs of models that both have it, a before b in alphabetical order.

    Ends are `None` with fewer than 30 patients. Differences and ends are as coarse as the dataset's means,
    and on a withheld dataset p and q are in classes.
    """
    if not frames:
        return Pairwise({})
    draws = MetricDraws(board, references_sha256, frames, columns)
    metrics = {key: metric_pairs(key, draws.holders(key), board, draws) for key in metric_keys()}
    return Pairwise({key: pairs for key, pairs in metrics.items() if pairs})


def metric_pairs(key: str, models: Sequence[str], board: Board, draws: MetricDraws) -> tuple[MetricPair, ...]:
    """The pairs of models on one metric, `models` in alphabetical order; empty for fewer than two."""
    if len(models) < 2:
        return ()
    rounding = _rounding(key, board, draws)
    return (_tested_pairs if tested(key) else _corpus_pairs)(key, models, rounding, draws)


def analysed_pairs(key: str, analysis: Analysis, board: Board, draws: MetricDraws) -> tuple[MetricPair, ...]:
    """The pairs on the ranking metric, as `metric_pairs`, from the board's analysis, which has tested them already."""
    tests, models = analysis.board.tests, sorted(analysis.places)
    if tests is None or len(models) < 2:
        return ()
    rounding = _rounding(key, board, draws)
    return _rows(models, tests.a, tests.b, tests.difference, analysis.board.ends, rounding, tests.p)


def _rounding(key: str, board: Board, draws: MetricDraws) -> _Rounding:
    return _Rounding(step_of(board.dataset.exposure, key, draws.clusters.n_studies), board.dataset.exposure)


def with_tests(pairwise: Pairwise, table: Table) -> Pairwise:
    """The pairs with the table's ranking tests, on its ranking metric."""
    if table.primary not in pairwise.metrics:
        return pairwise
    tests = {(t.a, t.b): t for t in table.pairs}
    ranking = [(p, tests[p.a, p.b]) for p in pairwise.metrics[table.primary]]
    pairs = tuple(replace(p, p_adjusted=t.p, better=t.better, matters=t.matters) for p, t in ranking)
    return Pairwise({**pairwise.metrics, table.primary: pairs})


_Ranked = TypeVar("_Ranked", Table, OverallTable)


def with_pairs(table: _Ranked, pairwise: Pairwise) -> _Ranked:
    """The table with the ranking tests, from its file of pairs; a table's own file has none."""
    pairs = tuple(
        PairTest(
            a=p.a,
            b=p.b,
            difference=p.difference,
            low=p.low,
            high=p.high,
            p=p.p_adjusted,
            better=p.better,
            matters=bool(p.matters),
        )
        for p in pairwise.metrics.get(table.primary, ())
        if p.p_adjusted is not None
    )
    return table.model_copy(update={"pairs": pairs})


def overall_pairwise(table: OverallTable) -> Pairwise:
    """The tests of an overall table in the form of a board's pairs; no metric if no model has an overall rank."""
    pairs = tuple(
        MetricPair(p.a, p.b, p.difference, p.low, p.high, None, None, p.p, p.better, p.matters)
        for p in table.pairs
    )
    return Pairwise({table.primary: pairs} if pairs else {})


@dataclass(frozen=True, slots=True)
class _Rounding:
    """How numbers of a metric may be shown: in steps or to six decimals; p exactly or in classes."""

    step: float | None
    exposure: Exposure

    def numbers(self, values: FloatArray) -> list[float]:
        return coarse_all(values, self.step)

    def p(self, values: FloatArray) -> list[float]:
        if not self.exposure.exact_tests:
            return p_classes(values)
        return [float(six_decimals(float(f"{value:.4g}"))) for value in values.tolist()]


def _corpus_pairs(
    key: str,
    models: Sequence[str],
    rounding: _Rounding,
    draws: MetricDraws,
) -> tuple[MetricPair, ...]:
    """The pairs on a corpus metric: differences and intervals, no test."""
    values = np.array([frame_value(key, draws.frames[m]) for m in models])
    a, b = np.triu_indices(len(models), 1)
    return _rows(models, a, b, values[a] - values[b], _ends(draws.of(key, models), a, b), rounding)


def _ends(
    draws: FloatArray | None, a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray] | None:
    """The ends of the pairs' intervals; `None` without draws."""
    return None if draws is None else bootstrap.difference_intervals(draws, a, b)


def _tested_pairs(
    key: str,
    models: Sequence[str],
    rounding: _Rounding,
    draws: MetricDraws,
) -> tuple[MetricPair, ...]:
    """The pairs on a metric that is a mean over studies, or a sum with fixed weights per study."""
    values = np.column_stack([np.asarray(draws.frames[m][key], dtype=np.float64) for m in models])
    (tests,) = significance.sign_flips([values], draws.clusters, draws.seed, adjust=False)
    ends = _ends(draws.of(key, models), tests.a, tests.b)
    return _rows(models, tests.a, tests.b, tests.difference, ends, rounding, tests.p)


def _rows(
    models: Sequence[str],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    difference: FloatArray,
    ends: tuple[FloatArray, FloatArray] | None,
    rounding: _Rounding,
    p: FloatArray | None = None,
) -> tuple[MetricPair, ...]:
    q = None if p is None else significance.benjamini_hochberg(p)
    none = [None] * a.size
    low, high = map(rounding.numbers, ends) if ends else (none, none)
    tests = [none if v is None else rounding.p(v) for v in (p, q)]
    numbers = zip(rounding.numbers(difference), low, high, *tests, strict=True)
    names = zip(a.tolist(), b.tolist(), strict=True)
    return tuple(MetricPair(models[i], models[j], *n) for (i, j), n in zip(names, numbers, strict=True))
