"""Two models side by side: paired differences per metric and subgroup, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluator.leaderboard.subgroups import group_masks
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.scoring.corpus import corpus_of, difference_of, frame_counts, frame_values, step_of, tested
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap, significance
from evaluator.statistics.disclosure import rounded_count
from evaluator.statistics.rounding import coarse
from evaluator.statistics.ties import TIE

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import BoolArray


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of a minus mean of b on one metric and group of studies.

    `low`, `high`: 95 % interval, `None` with fewer than 30 patients. `p`: sign-flip test, raw; `None` for a
    corpus metric, which is not tested. `q`: Benjamini–Hochberg over all rows shown. `better`: "a", "b" or
    `None` when q ≥ 0.05. `matters`: whether the difference is at least the metric's equivalence margin.
    """

    metric: str
    group: str
    n: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    q: float | None
    better: Literal["a", "b"] | None
    matters: bool


def compare_models(
    board: Board, records: Sequence[Record], frames: Sequence[pd.DataFrame]
) -> list[Difference]:
    """One row per metric that both have with the same signature: all studies, then each subgroup; two models, a then b.

    Unless the dataset is public, only subgroups that disclose nothing, with coarse differences and rounded
    counts.
    """
    seed = board_seed(board, records[0].provenance.references_sha256)
    groups: dict[str, BoolArray] = {"all": np.ones(len(frames[0]), dtype=bool)}
    for axis, cells in group_masks(board, frames[0]).items():
        groups |= {f"{axis}: {name}": mask for name, mask in cells.items()}
    rows = []
    for key in metric_keys():
        entries = [r.metrics[key] for r in records if key in r.metrics]
        if len(entries) < len(records) or entries[0].signature != entries[1].signature:
            continue
        for group, mask in groups.items():
            rows.append((key, group, *_difference([f.loc[mask] for f in frames], key, seed)))
    q = iter(significance.benjamini_hochberg([r[-1] for r in rows if r[-1] is not None]).tolist())
    differences = [_row(*row, None if row[-1] is None else next(q)) for row in rows]
    return [_shown(d, board) for d in differences]


def _shown(row: Difference, board: Board) -> Difference:
    exposure = board.dataset.exposure
    step = step_of(exposure, row.metric, row.n)
    if step is None:
        return row
    low, high = (None if x is None else coarse(x, step) for x in (row.low, row.high))
    n = row.n if row.group == "all" or exposure.small_groups else rounded_count(row.n)
    return replace(row, n=n, difference=coarse(row.difference, step), low=low, high=high)


def _difference(
    frames: Sequence[pd.DataFrame], key: str, seed: int
) -> tuple[int, float, float | None, float | None, float | None]:
    if corpus_of(key):
        a, b = (frame_counts(key, f) for f in frames)
        estimate = difference_of(key, a, b, bootstrap.clusters_of(frames[0]["patient"].tolist()), seed)
        if not tested(key):
            return len(frames[0]), estimate.value, estimate.low, estimate.high, None
    values = np.column_stack([frame_values(key, f) for f in frames])
    clusters = bootstrap.clusters_of(frames[0]["patient"].tolist())
    test = significance.sign_flip(values, clusters, seed)
    low = high = None
    if clusters.n >= bootstrap.MIN_CLUSTERS:
        (draws,) = bootstrap.draw_means([values[:, [0]] - values[:, [1]]], clusters, seed)
        ends = bootstrap.interval(draws)
        low, high = float(ends[0][0]), float(ends[1][0])
    return len(values), float(test.difference[0]), low, high, float(test.p[0])


def _row(
    key: str,
    group: str,
    n: int,
    difference: float,
    low: float | None,
    high: float | None,
    p: float | None,
    q: float | None,
) -> Difference:
    better: Literal["a", "b"] | None = None
    metric = get_metric(key)
    if q is not None and q < 0.05:
        better = "a" if (difference > 0) == metric.higher_is_better else "b"
    large = abs(difference) >= (metric.equivalence or 0.0) - TIE
    return Difference(key, group, n, difference, low, high, p, q, better, large)


def render_comparison(a: str, b: str, rows: Sequence[Difference]) -> str:
    """The differences as lines of text, naming the better model if there is one."""
    lines = [f"{a} minus {b}; 95 % intervals, q by Benjamini–Hochberg over all rows (exploratory)", ""]
    for row in rows:
        without = "no interval" if row.q is None else "n too small for an interval"
        span = without if row.low is None else f"[{row.low:+.4f}, {row.high:+.4f}]"
        verdict = {"a": f"{a} better", "b": f"{b} better", None: "no difference shown"}[row.better]
        verdict += "" if row.better is None or row.matters else " within the margin"
        tested = (
            "not tested: one value for the whole dataset" if row.q is None else f"q={row.q:.3f}  {verdict}"
        )
        lines.append(
            f"{row.metric:<14} {row.group:<24} n={row.n:<6} {row.difference:+.4f}  {span:<28} {tested}"
        )
    return "\n".join(lines)
