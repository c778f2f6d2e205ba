"""The columns of a board: what each shows, which direction is better, and what it means in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.leaderboard.table import Column
from evaluator.metrics.registry import get_metric, metric_keys, presets

PUBLISHED: Final = "rexrank-2026"
"""The preset whose metrics a board shows at first."""
FAMILIES: Final = {
    "clinical": "clinical content",
    "composite": "clinical content",
    "judge": "clinical content",
    "lexical": "wording",
    "embedding": "wording",
}
"""Names of metric families in presets of columns."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column that a script sorts by `data-value`.

    `better`: `high` or `low`, of that value; `arrow`: of the displayed value. `sets`: the presets that show
    the column; none for one that is always shown. `name`: its name in CSV. `marked`: whether the best and
    second best are marked. `spans`: whether cells have intervals. `beside`: the name in CSV of a second
    number that cells have below.
    """

    key: str
    name: str
    label: str
    arrow: str
    better: str
    about: str
    address: str = ""
    sets: str = ""
    extra: bool = False
    marked: bool = True
    headline: bool = False
    spans: bool = True
    beside: str = ""

    @property
    def way(self) -> str:
        """Which direction is better, in words."""
        return "Higher is better." if self.arrow == "↑" else "Lower is better."


def shown_higher(metric: Column) -> bool:
    """Whether higher is better as shown: a reciprocal is shown the other way round from how it is stored."""
    return bool(metric.higher_is_better != metric.reciprocal)


def heads(metrics: Sequence[Column], primary: str, root: str) -> tuple[Head, ...]:
    """The columns of a board's metrics, the ranking one first, with its mean and 1/mean next to a skill."""
    columns: list[Head] = []
    usual = [m.key for m in metrics if m.key in presets()[PUBLISHED]] or [m.key for m in metrics]
    for metric in metrics:
        headline = metric.key == primary
        columns.append(_head(metric, root, headline=headline, usual=headline or metric.key in usual))
        if metric.skill:
            columns.append(_beside(metric, root, usual=headline))
    return tuple(columns)


def summary_of(key: str) -> str:
    """A metric in one sentence; empty for an unknown one."""
    return get_metric(key).summary if key in metric_keys() else ""


def _head(metric: Column, root: str, *, headline: bool, usual: bool) -> Head:
    about = summary_of(metric.key)
    if metric.skill:
        about += " Skill rescales the mean: 0 means nothing is right, 1 means everything is."
    if metric.corpus:
        about += " One value for the whole dataset; no test or rank uses it."
    return Head(
        key=metric.key,
        name=metric.skill.key if metric.skill else metric.key,
        label=metric.display_title,
        arrow="↑" if shown_higher(metric) else "↓",
        better="high" if metric.higher_is_better else "low",
        about=about.strip(),
        address=f"{root}metrics/{metric.key}/" + ("#skill" if metric.skill else ""),
        sets=_sets(metric, usual=usual),
        extra=not usual,
        headline=headline,
    )


def _sets(metric: Column, *, usual: bool) -> str:
    family = FAMILIES.get(metric.family, "")
    return " ".join(n for n in ("usual" if usual else "", family.partition(" ")[0]) if n)


def _beside(metric: Column, root: str, *, usual: bool) -> Head:
    """The column of a skill's mean, with ReXrank's 1/mean below it; it sorts like the skill."""
    about = f"Mean {metric.title}, which ranks and tests use."
    if metric.reciprocal:
        about += " Below it is 1/mean, as ReXrank prints it, which is meaningless for a mean at or below 0."
    return Head(
        key=f"{metric.key}_mean",
        name=f"{metric.key}_mean",
        label="mean",
        arrow="↑" if metric.higher_is_better else "↓",
        better="high" if metric.higher_is_better else "low",
        about=about,
        address=f"{root}metrics/{metric.key}/#skill",
        sets=_sets(metric, usual=usual),
        extra=not usual,
        marked=False,
        spans=False,
        beside=f"{metric.key}_reciprocal" if metric.reciprocal else "",
    )
