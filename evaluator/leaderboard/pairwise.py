"""All pairs of a board's models on every metric: what the compare page shows without the scores.

Percentile intervals of paired differences from the board's own bootstrap, and the sign-flip test,
raw and as q (Benjamini-Hochberg over all pairs of one metric). Exploratory: ranks rest on the
primary metric's adjusted tests alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from pydantic import Field

from evaluator.datasets.registry import TrackName
from evaluator.leaderboard.row import Entry, ModelId, Slug
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.corpus import corpus_of, draws_of, frame_counts, frame_value, step_of, tested
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap, significance
from evaluator.statistics.rounding import coarse, p_class

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import FloatArray

PAIRWISE_SCHEMA: Final = "rexrank/pairwise/v1"


class MetricPair(Entry):
    """Two models on one metric: mean of a minus mean of b, its interval, p, and q over the metric's pairs."""

    a: ModelId = Field(description="team/model.")
    b: ModelId = Field(description="team/model.")
    difference: float = Field(description="Mean of a minus mean of b.")
    low: float | None = Field(description="Lower end of the 95 % interval; null with fewer than 30 patients.")
    high: float | None = Field(description="Upper end.")
    p: Annotated[float, Field(ge=0, le=1)] | None = Field(
        description="Sign-flip test by patient, unadjusted; null for a figure of the whole set, which is not tested.",
    )
    q: Annotated[float, Field(ge=0, le=1)] | None = Field(
        description="False discovery rate over all pairs of the metric."
    )


class Pairwise(Entry):
    """All pairs of a board's ranked models on every metric that both have. Exploratory; ranks rest on the table's own pairs."""

    schema_: Literal["rexrank/pairwise/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    dataset: Slug = Field(description="Dataset id.")
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    n: int = Field(ge=0, description="Studies.")
    n_clusters: int = Field(ge=0, description="Patients, which intervals resample.")
    metrics: Mapping[str, Annotated[tuple[MetricPair, ...], Field(strict=False)]] = Field(
        description="By metric key."
    )


def board_pairwise(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    columns: Mapping[str, Sequence[str]],
) -> Pairwise:
    """Per metric the pairs of models that both have it, a before b in the alphabet.

    Ends are `None` with fewer than 30
    patients. Differences and ends are as coarse as the set's means,
    and on a withheld set p and q are in classes.
    """
    first = next(iter(frames.values()), None)
    if first is None:
        return _pairwise(board, 0, 0, {})
    clusters = bootstrap.clusters_of(first["patient"].tolist())
    seed = board_seed(board, references_sha256)
    holders = {k: sorted(m for m in frames if k in columns[m]) for k in metric_keys()}
    holders = {k: models for k, models in holders.items() if len(models) > 1}
    corpus = {k: models for k, models in holders.items() if not tested(k)}
    holders = {k: models for k, models in holders.items() if k not in corpus}

    def tables() -> Iterator[FloatArray]:
        for key, models in holders.items():
            yield np.column_stack([np.asarray(frames[m][key], dtype=np.float64) for m in models])

    draws: Sequence[FloatArray | None] = [None] * len(holders)
    if clusters.n >= bootstrap.MIN_CLUSTERS:
        draws = bootstrap.draw_means(tables(), clusters, seed)
    tests = significance.sign_flips(tables(), clusters, seed)
    shares = {
        k: [frame_counts(k, frames[m]) for m in models] for k, models in holders.items() if corpus_of(k)
    }
    special = draws_of(shares, clusters, seed)
    exposure = board.dataset.exposure
    metrics = {
        key: _pairs(
            models,
            result,
            special.get(key, means),
            step_of(exposure, key, len(first)),
            exact=exposure.exact_tests,
        )
        for (key, models), result, means in zip(holders.items(), tests, draws, strict=True)
    }
    metrics |= _corpus_metrics(board, corpus, frames, clusters, seed)
    return _pairwise(board, len(first), clusters.n, {k: metrics[k] for k in metric_keys() if k in metrics})


def _corpus_metrics(
    board: Board,
    holders: Mapping[str, Sequence[str]],
    frames: Mapping[str, pd.DataFrame],
    clusters: bootstrap.Clusters,
    seed: int,
) -> dict[str, tuple[MetricPair, ...]]:
    """The pairs on metrics of the whole set: differences and intervals, no test."""
    counts = {k: [frame_counts(k, frames[m]) for m in models] for k, models in holders.items()}
    draws = draws_of(counts, clusters, seed)
    pairs = {}
    for key, models in holders.items():
        values = [frame_value(key, frames[m]) for m in models]
        step = step_of(board.dataset.exposure, key, clusters.n_studies)
        pairs[key] = _corpus_pairs(models, values, draws.get(key), step)
    return pairs


def _corpus_pairs(
    models: Sequence[str], values: Sequence[float], draws: FloatArray | None, step: float | None
) -> tuple[MetricPair, ...]:
    """The rows of one metric of the whole set; with `step`, coarse."""

    def shown(value: float) -> float:
        return float(f"{value:.6g}") if step is None else coarse(value, step)

    places = list(combinations(range(len(models)), 2))
    i, j = np.array(places, dtype=np.int64).T
    ends = bootstrap.difference_intervals(draws, i, j) if draws is not None else None
    rows = []
    for k, (a, b) in enumerate(places):
        low, high = (None, None) if ends is None else (shown(float(e[k])) for e in ends)
        difference = shown(values[a] - values[b])
        rows.append(
            MetricPair(a=models[a], b=models[b], difference=difference, low=low, high=high, p=None, q=None)
        )
    return tuple(rows)


def _pairwise(
    board: Board, n: int, n_clusters: int, metrics: Mapping[str, tuple[MetricPair, ...]]
) -> Pairwise:
    return Pairwise(
        schema=PAIRWISE_SCHEMA,
        dataset=board.dataset.id,
        track=board.track,
        n=n,
        n_clusters=n_clusters,
        metrics=metrics,
    )


def _pairs(
    models: Sequence[str],
    tests: significance.Pairs,
    draws: FloatArray | None,
    step: float | None,
    *,
    exact: bool,
) -> tuple[MetricPair, ...]:
    """The rows of one metric; with `step`, coarse; p and q in classes unless `exact`."""

    def shown(value: float) -> float:
        return float(f"{value:.6g}") if step is None else coarse(value, step)

    def tested(value: float) -> float:
        return float(f"{value:.4g}") if exact else p_class(value)

    q = significance.benjamini_hochberg(tests.p)
    ends = bootstrap.difference_intervals(draws, tests.a, tests.b) if draws is not None else None
    rows = []
    for k, (i, j) in enumerate(combinations(range(len(models)), 2)):
        low, high = (shown(float(e[k])) for e in ends) if ends else (None, None)
        rows.append(
            MetricPair(
                a=models[i],
                b=models[j],
                difference=shown(float(tests.difference[k])),
                low=low,
                high=high,
                p=tested(float(tests.p[k])),
                q=tested(float(q[k])),
            )
        )
    return tuple(rows)
