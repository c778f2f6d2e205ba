"""Means by subgroup, and gaps between groups: raw, standardised, beyond the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.datasets.tasks.task import task_of
from evaluator.leaderboard.subgroup_types import Axis, Gap, Group, Interval, ModelGroups, Subgroups
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.template import render
from evaluator.site.words import number, percent
from evaluator.statistics.rounding import p_text

AXIS_TITLES: Final = {
    "normal": "normal and abnormal studies",
    "findings": "number of findings",
    "sex": "sex",
    "age_group": "age",
    "view": "view",
    "prior": "prior study",
    "race": "race",
    "length": "length of the reference",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval as shown; both ends empty where the group is too small for one."""

    value: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class GroupHead:
    """A group and its size."""

    name: str
    size: str


@dataclass(frozen=True, slots=True)
class GroupCell:
    """A model's mean in a group; `None` if unknown."""

    mean: Estimate | None
    worst: bool


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model's means by group, and q of their differences."""

    name: str
    groups: tuple[GroupCell, ...]
    q: str


@dataclass(frozen=True, slots=True)
class GapLine:
    """The gap between two groups of a model."""

    name: str
    pair: str
    raw: Estimate | None
    standardised: Estimate | None
    covered: str
    beyond: Estimate | None


@dataclass(frozen=True, slots=True)
class Gaps:
    """The gaps of an axis; columns that would be empty are left out, and the note says why."""

    note: str
    standardised: bool
    beyond: bool
    rows: tuple[GapLine, ...]


@dataclass(frozen=True, slots=True)
class AxisView:
    """One way to divide the studies."""

    key: str
    title: str
    groups: tuple[GroupHead, ...]
    models: tuple[ModelLine, ...]
    gaps: Gaps | None


@dataclass(frozen=True, slots=True)
class View:
    """All axes, and what their numbers mean."""

    items: str
    metric: str
    way: str
    mix: str
    null: str
    axes: tuple[AxisView, ...]


def subgroups(table: Table) -> str:
    """Means by subgroup and the gaps between groups, raw and standardised; empty when the board has none."""
    analysis = table.subgroups
    if not analysis or not analysis.axes:
        return ""
    names = {r.id: r.name for r in table.all_rows}
    metric = table.column(analysis.metric)
    view = View(
        items=task_of(table.track).items,
        metric=metric.title if metric else analysis.metric,
        way="" if metric is None else f" ({'higher' if metric.higher_is_better else 'lower'} is better)",
        mix=" and ".join(AXIS_TITLES.get(a, a) for a in analysis.standardised_by) or "nothing",
        null=names.get(analysis.null or "", ""),
        axes=tuple(_axis(a, analysis, table, names) for a in analysis.axes),
    )
    return render("board/subgroups.html", view=view)


def _axis(axis: Axis, analysis: Subgroups, table: Table, names: Mapping[str, str]) -> AxisView:
    digits, task = digits_of(table.step), task_of(table.track)
    order = {r.id: i for i, r in enumerate(table.rows)}
    # tie: the file's order
    models = sorted(axis.models.items(), key=lambda pair: order.get(pair[0], len(order)))
    gaps = [(names.get(m, m), g) for m, entry in models for g in entry.gaps]
    return AxisView(
        key=axis.axis,
        title=AXIS_TITLES.get(axis.axis, axis.axis.replace("_", " ")),
        groups=tuple(
            GroupHead(
                g.name, f"{count_text(g.studies, task.item, task.items)}, {count_text(g.patients, 'patient')}"
            )
            for g in axis.groups
        ),
        models=tuple(
            _means(names.get(m, m), entry, axis.groups, digits, classes=table.p_classes)
            for m, entry in models
        ),
        gaps=_gaps(gaps, digits, task.items, in_mix=axis.axis in analysis.standardised_by),
    )


def _means(
    name: str, entry: ModelGroups, groups: Sequence[Group], digits: int, *, classes: bool
) -> ModelLine:
    """A model's row of group means."""
    sure = [g for g in entry.groups.values() if g.low is not None]
    # A single group with an interval cannot be the worst.
    worst = entry.worst if len(sure) > 1 else None
    cells = tuple(GroupCell(_estimate(entry.groups.get(g.name), digits), worst == g.name) for g in groups)
    return ModelLine(name, cells, "–" if entry.q is None else p_text(entry.q, classes=classes))


def _gaps(gaps: Sequence[tuple[str, Gap]], digits: int, items: str, *, in_mix: bool) -> Gaps | None:
    if not gaps:
        return None
    standard = any(g.standardised and g.standardised.value is not None for _, g in gaps)
    beyond = any(g.beyond_null and g.beyond_null.value is not None for _, g in gaps)
    note = "Mean of the first group minus mean of the second, with 95 % intervals."
    if not standard:
        note += (
            " There is no standardised gap: this variable is one of those standardised for."
            if in_mix
            else f" Too few {items} for a standardised gap."
        )
    rows = tuple(
        GapLine(
            name,
            f"{g.a} − {g.b}",
            _estimate(g.raw, digits),
            _estimate(g.standardised, digits),
            "–" if g.covered is None else percent(g.covered),
            _estimate(g.beyond_null, digits),
        )
        for name, g in gaps
    )
    return Gaps(note, standard, beyond, rows)


def _estimate(entry: Interval | None, digits: int) -> Estimate | None:
    if entry is None or entry.value is None:
        return None
    value = number(entry.value, digits)
    if entry.low is None or entry.high is None:
        return Estimate(value)
    return Estimate(value, number(entry.low, digits), number(entry.high, digits))
