"""Means by subgroup, and gaps between groups: raw, standardised, beyond the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.leaderboard.subgroup_types import Axis, Gap, Group, Interval, ModelGroups, Subgroups
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.html import names_of, number, percent, scrolled, text
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


def subgroups(table: Table) -> str:
    """Means by subgroup and the gaps between groups, raw and standardised; empty when the board has none."""
    found = table.subgroups
    if not found or not found.axes:
        return ""
    names = names_of(table)
    mix = " and ".join(AXIS_TITLES.get(a, a) for a in found.standardised_by) or "nothing"
    metric = table.column(found.metric)
    title = metric.title if metric else found.metric
    way = "" if metric is None else f" ({'higher' if metric.higher_is_better else 'lower'} is better)"
    null = names.get(found.null or "")
    beyond = (
        f"<strong>Beyond the baseline</strong>: the raw gap minus that of {null}, which looks at no image."
        if null
        else ""
    )
    intro = (
        f"<p>Means of {text(title)}{way}, and gaps between groups. A <strong>raw gap</strong> mixes how a model serves a group "
        f"with what the group's studies are like. The <strong>standardised gap</strong> weighs both groups to the same mix of "
        f"{text(mix)}. {beyond} Only the latter two may be read as a sign of unfairness. Groups too small for an interval have none.</p>\n"
    )
    return intro + "".join(_axis(a, found, table, names, i) for i, a in enumerate(found.axes))


def _axis(axis: Axis, found: Subgroups, table: Table, names: Mapping[str, str], place: int) -> str:
    groups, digits = axis.groups, digits_of(table.step)
    head = "".join(
        f'<th scope="col">{text(g.name)}<small>{g.studies:,} studies, {g.patients:,} patients</small></th>'
        for g in groups
    )
    order = {r.id: i for i, r in enumerate(table.rows)}
    # tie: the file's order
    models = sorted(axis.models.items(), key=lambda pair: order.get(pair[0], len(order)))
    body = [
        _means(names.get(m, text(m)), entry, groups, digits, classes=table.p_classes) for m, entry in models
    ]
    title = AXIS_TITLES.get(axis.axis, str(axis.axis).replace("_", " "))
    means = scrolled(
        f"By {title}",
        f'<thead><tr><th scope="col" class="rx-model">Model</th>{head}<th scope="col">q</th></tr></thead>'
        "<tbody>\n" + "\n".join(body) + "\n</tbody>",
        name=f"group-{place}",
        note="q: the share of false alarms to expect among differences with a q this small, over all axes of a model; exploratory.",
    )
    gaps = [(names.get(m, text(m)), g) for m, entry in models for g in entry.gaps]
    in_mix = axis.axis in found.standardised_by
    return (
        f'<details class="rx-fold" data-rx-axis="{text(axis.axis)}"><summary>By {text(title)}</summary>\n'
        f"{means}{_gaps(gaps, title, place, digits, in_mix=in_mix)}</details>\n"
    )


def _means(name: str, entry: ModelGroups, groups: Sequence[Group], digits: int, *, classes: bool) -> str:
    """A model's row of group means."""
    sure = [g for g in entry.groups.values() if g.low is not None]
    # One group with an interval cannot be the worst of anything.
    worst = entry.worst if len(sure) > 1 else None
    cells = "".join(
        f"<td>{_estimate(entry.groups.get(g.name), digits)}{'<small>worst group</small>' if worst == g.name else ''}</td>"
        for g in groups
    )
    q = "–" if entry.q is None else p_text(entry.q, classes=classes)
    return f'<tr><th scope="row" class="rx-model">{name}</th>{cells}<td>{q}</td></tr>'


def _gaps(gaps: Sequence[tuple[str, Gap]], title: str, place: int, digits: int, *, in_mix: bool) -> str:
    """The gaps of an axis; columns that no row can fill are left out, and the caption says why."""
    if not gaps:
        return ""
    standard = any(g.standardised and g.standardised.value is not None for _, g in gaps)
    beyond = any(g.beyond_null and g.beyond_null.value is not None for _, g in gaps)
    heads = (
        ["Raw gap"] + ["Standardised gap", "Studies covered"] * standard + ["Beyond the baseline"] * beyond
    )
    note = "Mean of the first group minus mean of the second, with 95 % intervals."
    if not standard:
        note += (
            " There is no standardised gap: this axis is part of the mix."
            if in_mix
            else " There are too few studies for a standardised gap."
        )
    rows = []
    for name, gap in gaps:
        cells = [_estimate(gap.raw, digits)]
        if standard:
            cells += [
                _estimate(gap.standardised, digits),
                "–" if gap.covered is None else percent(gap.covered),
            ]
        cells += [_estimate(gap.beyond_null, digits)] * beyond
        rows.append(
            f'<tr><th scope="row" class="rx-model">{name}</th><td class="rx-words">{text(gap.a)} − {text(gap.b)}</td>'
            + "".join(f"<td>{c}</td>" for c in cells)
            + "</tr>"
        )
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return scrolled(
        f"Gaps by {title}",
        f'<thead><tr><th scope="col" class="rx-model">Model</th><th scope="col" class="rx-words">Groups</th>{head}</tr></thead>'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody>",
        name=f"gaps-{place}",
        note=note,
    )


def _estimate(entry: Interval | None, digits: int) -> str:
    if entry is None or entry.value is None:
        return '<span class="rx-none">–</span>'
    value = number(entry.value, digits)
    if entry.low is None or entry.high is None:
        return value
    return f"{value}<small>{number(entry.low, digits)} to {number(entry.high, digits)}</small>"
