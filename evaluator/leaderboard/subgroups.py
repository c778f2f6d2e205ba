"""The subgroups of a board: from per-study files to what tables and comparisons show.

Axes come from the references (sex, age, view, prior) and from the case mix (normal, number of findings,
length). Unless the dataset is public, only cells that disclose nothing are shown
(`evaluator/statistics/disclosure.py`), with rounded counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.leaderboard.subgroup_types import Axis as TableAxis
from evaluator.leaderboard.subgroup_types import Gap, Group, Interval, ModelGroups, RankSteps, Subgroups
from evaluator.metrics.registry import get_metric
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import SUBGROUP_PREFIX, Board
from evaluator.statistics import bootstrap
from evaluator.statistics.disclosure import Axis, Mask, OtherTrack, rounded_count
from evaluator.statistics.ranks import Place
from evaluator.statistics.rounding import coarse, p_class
from evaluator.statistics.subgroups import AxisResult, Estimate, analyse_subgroups, cells_of, places_in_groups

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import ProgressCallback
    from evaluator.datasets.exposure import Exposure

ORDER: Final = ("normal", "findings", "sex", "age_group", "view", "prior", "race", "length")
"""Axes by preference: if two cannot be shown together, the first is."""
CASE_MIX: Final = ("normal", "length")
"""Axes to whose cells a standardised gap is weighted."""


def axes_of(frames: Sequence[pd.DataFrame]) -> list[Axis]:
    """The board's axes in the order of preference, each from the first file that has it."""
    axes: dict[str, Axis] = {}
    for frame in frames:
        for column in frame.columns:
            axis = str(column).removeprefix(SUBGROUP_PREFIX)
            if str(column).startswith(SUBGROUP_PREFIX) and axis not in axes:
                there = frame[column].notna()
                labels = [str(x) if known else None for x, known in zip(frame[column], there, strict=True)]
                axes[axis] = Axis(axis, labels)
    known = [a for a in ORDER if a in axes]
    return [axes[a] for a in [*known, *sorted(axes.keys() - set(known))]]


def group_masks(board: Board, frame: pd.DataFrame) -> dict[str, dict[str, Mask]]:
    """Per axis, the groups of a board that may be shown, as masks over the studies."""
    clusters = bootstrap.clusters_of(frame["patient"].tolist())
    return cells_of(axes_of([frame]), clusters, private=not board.dataset.exposure.small_groups)


def beside_of(frame: pd.DataFrame, other: pd.DataFrame) -> OtherTrack:
    """What the other track of a non-public dataset shows about the studies in `frame`."""
    cells = cells_of(axes_of([other]), bootstrap.clusters_of(other["patient"].tolist()), private=True)
    place = {study: i for i, study in enumerate(other["study_id"])}
    rows = np.array([place.get(study, -1) for study in frame["study_id"]])
    masks = [np.append(mask, False)[rows] for by_group in cells.values() for mask in by_group.values()]
    return OtherTrack(rows >= 0, masks)


def board_subgroups(
    board: Board,
    references_sha256: str,
    frames: Mapping[str, pd.DataFrame],
    primary: str,
    null: tuple[str, pd.DataFrame] | None,
    order: Sequence[str],
    progress: ProgressCallback | None = None,
    other_track: pd.DataFrame | None = None,
) -> Subgroups | None:
    """The table's `subgroups`: per axis its groups and per ranked model means, ranks and gaps.

    On the primary metric. `null`: the best baseline and its scores, for gaps beyond it. `order`: the ranked
    models in the order of the table's rows. `other_track`: studies, patients and subgroups of the track of a
    non-public dataset whose subgroups are shown already; only what discloses nothing next to them is shown. `None`
    for a board without models or axes.
    """
    axes = axes_of([*frames.values()])
    if not frames or not axes:
        return None
    exposure = board.dataset.exposure
    private = not exposure.small_groups
    first = next(iter(frames.values()))
    clusters = bootstrap.clusters_of(first["patient"].tolist())
    beside = beside_of(first, other_track) if private and other_track is not None else None
    seed = board_seed(board, references_sha256)
    higher = get_metric(primary).higher_is_better
    values = np.column_stack([np.asarray(f[primary], dtype=np.float64) for f in frames.values()])
    mix = [a for a in axes if a.name in CASE_MIX]
    strata = ["|".join(x or "" for x in row) for row in zip(*(a.labels for a in mix), strict=True)]
    results = analyse_subgroups(
        values,
        axes,
        clusters,
        seed,
        higher_is_better=higher,
        strata=strata or None,
        null=np.asarray(null[1][primary], dtype=np.float64) if null else None,
        private=private,
        beside=beside,
        progress=progress,
    )
    cells = cells_of(axes, clusters, private=private, beside=beside)
    parts = []
    for k, result in enumerate(results[0]):
        places = places_in_groups(values, cells[result.axis], clusters, seed, higher_is_better=higher)
        column = {name: j for j, name in enumerate(frames)}
        models = {name: _model(results[j][k], exposure, len(first)) for name, j in column.items()}
        steps = {g: _steps([p[column[name]] for name in order]) for g, p in places.items()}
        groups = _groups(result, private=private)
        parts.append(TableAxis(axis=result.axis, groups=groups, models=models, rank_steps=steps))
    return Subgroups(
        metric=primary,
        standardised_by=tuple(a.name for a in mix),
        null=null[0] if null else None,
        axes=tuple(parts),
    )


def _groups(result: AxisResult, *, private: bool) -> tuple[Group, ...]:
    """The groups of an axis with their sizes, which are rounded unless the dataset is public."""
    count = rounded_count if private else int
    return tuple(
        Group(name=g.name, studies=count(g.studies), patients=count(g.patients)) for g in result.groups
    )


def _steps(places: Sequence[Place]) -> RankSteps:
    """The ranges of places as steps from each to the next."""
    low, high = [0, *(p.rank_low for p in places)], [0, *(p.rank_high for p in places)]
    return RankSteps(low=tuple(b - a for a, b in pairwise(low)), high=tuple(b - a for a, b in pairwise(high)))


def _model(result: AxisResult, exposure: Exposure, n: int) -> ModelGroups:
    """One model on one axis of a board of `n` studies; numbers as they may be shown."""
    groups = {}
    for group in result.groups:
        groups[group.name] = Interval(**_numbers(group.mean, exposure.step(group.studies)))
    sizes = {g.name: g.studies for g in result.groups}
    gaps = []
    for gap in result.gaps:
        step = exposure.step(min(sizes[gap.a], sizes[gap.b]))
        gaps.append(
            Gap(
                a=gap.a,
                b=gap.b,
                raw=Interval(**_numbers(gap.raw, step)),
                standardised=Interval(**_numbers(gap.standardised, step)) if gap.standardised else None,
                covered=_shown(gap.covered, exposure.step(n)),
                beyond_null=Interval(**_numbers(gap.beyond_null, step)) if gap.beyond_null else None,
            )
        )
    p, q = (_tested(value, exposure) for value in (result.p, result.q))
    return ModelGroups(groups=groups, worst=result.worst, p=p, q=q, gaps=tuple(gaps))


def _tested(p: float | None, exposure: Exposure) -> float | None:
    return p if p is None or exposure.exact_tests else p_class(p)


def _numbers(estimate: Estimate, step: float | None) -> dict[str, float | None]:
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {k: _shown(v, step) for k, v in numbers.items()}


def _shown(value: float | None, step: float | None) -> float | None:
    return value if value is None or step is None else coarse(value, step)
