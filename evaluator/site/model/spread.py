"""How a model's scores spread: over single studies, and over groups of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.datasets.tasks.task import task_of
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.subgroup_types import RankSteps
from evaluator.leaderboard.table import Table
from evaluator.site.content import Content, Entry
from evaluator.site.model.cases import scores_of
from evaluator.site.model.figures import Histogram, histogram
from evaluator.site.model.score import Score, interval
from evaluator.site.words import AXIS_TITLES, number
from evaluator.submissions.task_predictions import predictions_of


@dataclass(frozen=True, slots=True)
class GroupLine:
    """The model in one group of studies."""

    name: str
    studies: str
    score: Score
    rank: str


@dataclass(frozen=True, slots=True)
class Groups:
    """The model in every group of studies that may be shown; `address`: of the board's own table."""

    value_head: str
    address: str
    rows: tuple[GroupLine, ...]


def histograms(entry: Entry, content: Content) -> tuple[Histogram, ...]:
    """The spread of every metric over the studies of a public board.

    Empty on any other, or if scores are only right or wrong.
    """
    frame = scores_of(content.leaderboard, entry)
    if frame is None or not predictions_of(task_of(entry.table.track)).free_text:
        return ()
    usual = _usual(entry.table, content)
    figures = (
        histogram(m.title, frame[m.key].tolist(), usual.get(m.key))
        for m in entry.table.metrics
        if m.key in entry.row.metrics and m.key in frame.columns
    )
    return tuple(h for h in figures if h is not None)


def _usual(table: Table, content: Content) -> dict[str, float]:
    """By metric, the median over a public board's ranked models of their median studies; read once."""
    name = f"{table.dataset}.{table.track}"
    if name not in content.medians:
        ranked = {r.id for r in table.rows}
        medians: dict[str, list[float]] = {}
        for entries in content.models.values():
            for entry in (e for e in entries if e.table is table and e.row.id in ranked):
                frame = scores_of(content.leaderboard, entry)
                for key in entry.row.metrics if frame is not None else ():
                    if frame is not None and key in frame.columns:
                        medians.setdefault(key, []).append(float(frame[key].median()))
        content.medians[name] = {k: float(np.median(v)) for k, v in medians.items() if len(v) > 1}
    return content.medians[name]


def _rank_in_group(place: int | None, steps: RankSteps | None) -> str:
    """The rank range in a group of the row at a place; a dash without one."""
    ranges = steps.ranges() if steps else []
    return "–" if place is None or place >= len(ranges) else range_text(*ranges[place])


def groups_of(table: Table, row: Row) -> Groups | None:
    """The model's mean of the ranking metric in every group of studies that may be shown; `None` without any."""
    subgroups = table.subgroups
    place = next((i for i, r in enumerate(table.rows) if r.id == row.id), None)
    lines = []
    for axis in subgroups.axes if subgroups else ():
        own = axis.models[row.id].groups if row.id in axis.models else {}
        title = AXIS_TITLES.get(axis.axis, axis.axis.replace("_", " "))
        for group in axis.groups:
            e = own.get(group.name)
            if e is None or e.value is None:
                continue
            score = Score(number(e.value), interval(e))
            rank = _rank_in_group(place, axis.rank_steps.get(group.name))
            lines.append(GroupLine(f"{title}: {group.name}", f"{group.studies:,}", score, rank))
    if not lines or subgroups is None:
        return None
    metric = table.column(subgroups.metric)
    better = "higher is better" if metric and metric.higher_is_better else "lower is better"
    return Groups(
        value_head=f"Mean {metric.title if metric else subgroups.metric}, {better}",
        address=f"../../../leaderboards/{table.dataset}/{table.track}/#subgroups",
        rows=tuple(lines),
    )
