"""ReXrank's own published rows over all datasets: by mean rank, without intervals, never mixed with ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.datasets.challenge import OverallSetting
from evaluator.leaderboard.reported import ReportedRow, cost_of, ranked_by
from evaluator.statistics.ranks import average_ranks
from evaluator.statistics.ties import by_cost


@dataclass(frozen=True, slots=True)
class ReportedPlace:
    """A published model over the datasets of its snapshot.

    `ranks`: by dataset, the rank by ReXrank's ordering metric, with equal values sharing their mean rank.
    `doubtful`: datasets on which the row contradicts itself. `mean_rank` over all datasets, `place` by it,
    `without`: the place with each dataset left out; `None` and empty for a model that lacks one.
    """

    model: str
    institution: str
    ranks: Mapping[str, float]
    doubtful: frozenset[str]
    mean_rank: float | None = None
    place: float | None = None
    without: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedOverall:
    """A track's newest snapshot: ordering metric, datasets by block, complete models by mean rank, others by name."""

    snapshot: str
    key: str
    datasets: tuple[str, ...]
    complete: tuple[ReportedPlace, ...]
    incomplete: tuple[ReportedPlace, ...]


def reported_overall(
    rows: Sequence[ReportedRow], track: str, setting: OverallSetting
) -> ReportedOverall | None:
    """The newest snapshot's models of a track over its datasets.

    `None` if fewer than two were published: their board says it all.
    """
    here = [r for r in rows if r.track == track]
    snapshot = max((r.snapshot for r in here), default="")
    here = [r for r in here if r.snapshot == snapshot]
    order = [d for b in setting.blocks for d in b.datasets]
    datasets = tuple(d for d in order if any(r.dataset == d for r in here))
    if len(datasets) < 2:
        return None
    ranks = {d: _ranks([r for r in here if r.dataset == d]) for d in datasets}
    names = sorted({r.model for r in here})
    complete = [n for n in names if all(n in ranks[d] for d in datasets)]
    table = np.array([[ranks[d][n] for d in datasets] for n in complete]).reshape(
        len(complete), len(datasets)
    )
    mean = table.mean(axis=1)
    place = average_ranks(mean)
    without = [average_ranks(np.delete(table, i, axis=1).mean(axis=1)) for i in range(len(datasets))]
    by_name = {n: _place(n, here, ranks) for n in names}
    full = [
        ReportedPlace(
            n,
            by_name[n].institution,
            by_name[n].ranks,
            by_name[n].doubtful,
            float(mean[i]),
            float(place[i]),
            tuple(float(w[i]) for w in without),
        )
        for i, n in enumerate(complete)
    ]
    return ReportedOverall(
        snapshot,
        ranked_by(here),
        datasets,
        tuple(by_cost(full, [p.mean_rank or 0.0 for p in full])),
        tuple(by_name[n] for n in names if n not in complete),
    )


def _ranks(rows: Sequence[ReportedRow]) -> dict[str, float]:
    """By model, the rank on one dataset by ReXrank's ordering metric; rows without it have none."""
    key = ranked_by(rows)
    costs = {r.model: cost for r in rows if math.isfinite(cost := cost_of(r, key))}
    ranks = average_ranks(np.array(list(costs.values())))
    return {model: float(rank) for model, rank in zip(costs, ranks, strict=True)}


def _place(name: str, rows: Sequence[ReportedRow], ranks: Mapping[str, Mapping[str, float]]) -> ReportedPlace:
    own = [r for r in rows if r.model == name]
    return ReportedPlace(
        name,
        own[0].institution,
        {d: by_model[name] for d, by_model in ranks.items() if name in by_model},
        frozenset(r.dataset for r in own if r.contradicts_itself),
    )


def rank_words(rank: float) -> str:
    """A rank, which ties can make a half.

    >>> rank_words(3.0), rank_words(2.5)
    ('3', '2.5')
    """
    return f"{rank:.0f}" if math.isclose(rank, round(rank)) else f"{rank:.1f}"
