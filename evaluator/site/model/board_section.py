"""A model on one board: metrics beside the best and the baselines, spread, groups, diagnostics, cases, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import baseline_title
from evaluator.leaderboard.null_tests import OUTCOMES
from evaluator.leaderboard.row import Display, Gain, MetricCell, NullTest, Row
from evaluator.leaderboard.subgroup_types import Interval
from evaluator.leaderboard.table import Column, Table
from evaluator.site.content import Content, Entry
from evaluator.site.model.cases import has_texts, scores_of
from evaluator.site.model.diagnostics import diagnostics, metric_name
from evaluator.site.model.figures import Histogram, Strip, histogram, strip
from evaluator.site.model.provenance import Origins, origins
from evaluator.site.views import Fact, Link
from evaluator.site.words import AXIS_TITLES, TRACK_TITLES, badges_of, number
from evaluator.statistics.rounding import p_text
from evaluator.statistics.ties import lowest


@dataclass(frozen=True, slots=True)
class Score:
    """A value as shown, its interval in words and remarks; empty where unknown."""

    value: str = ""
    span: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric of the model, how far it is beyond the best baseline, and where it stands on the board."""

    metric: Link
    score: Score
    failed: str
    gain: Score
    strip: Strip


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """The model against one baseline on the ranking metric."""

    baseline: str
    outcome: str
    gain: Score
    p: str


@dataclass(frozen=True, slots=True)
class Baselines:
    """The model against every baseline on the ranking metric `metric`."""

    metric: str
    rows: tuple[BaselineLine, ...]


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


@dataclass(frozen=True, slots=True)
class CaseBrowser:
    """What the case browser of a board asks for, and where it stands."""

    anchor: str
    board: str
    base: str
    model: str


@dataclass(frozen=True, slots=True)
class BoardPart:
    """Everything of a model on one board."""

    title: str
    anchor: str
    is_withdrawn: bool
    is_public: bool
    why_unranked: str
    badges: tuple[Link, ...]
    metrics: tuple[MetricLine, ...]
    missing: tuple[Fact, ...]
    baselines: Baselines | None
    histograms: tuple[Histogram, ...]
    groups: Groups | None
    diagnostics: tuple[Fact, ...]
    cases: CaseBrowser | None
    origins: Origins


def board_title(table: Table) -> str:
    """Dataset and track, as plain text."""
    return board_name(table.dataset, table.track)


def board_name(dataset: str, track: str) -> str:
    """Dataset and track by their ids, as plain text."""
    return f"{get_dataset(dataset).title}, {TRACK_TITLES[track]}"


def board_part(entry: Entry, content: Content) -> BoardPart:
    """Everything of a model on one board."""
    table, row, record = entry
    return BoardPart(
        title=board_title(table),
        anchor=f"{table.dataset}-{table.track}",
        is_withdrawn=row.status == "withdrawn",
        is_public=get_dataset(table.dataset).exposure.studies,
        why_unranked=row.why_unranked or "",
        badges=_badges(row),
        metrics=_metrics(table, row),
        missing=tuple(Fact(metric_name(k), reason) for k, reason in record.missing.items())
        if row.metrics
        else (),
        baselines=_baselines(table, row) if row.metrics else None,
        histograms=_histograms(entry, content),
        groups=_groups(table, row),
        diagnostics=diagnostics(row),
        cases=_cases(entry, content),
        origins=origins(entry),
    )


def _badges(row: Row) -> tuple[Link, ...]:
    """A row's marks; those of an integrity check lead to its explanation."""
    codes = {b.text: b.code for b in row.badges}
    return tuple(
        Link(m, f"../../../integrity/#{codes[m].lower()}" if m in codes else "") for m in badges_of(row)
    )


def score(cell: MetricCell | None) -> Score:
    """A metric as shown; where 1/mean has no meaning the mean itself, and why."""
    if cell is None:
        return Score()
    shown = cell.display
    if shown.value is None:
        return Score(f"mean {number(cell.mean)}", interval(cell), ("at or below 0: no reciprocal",))
    return Score(number(shown.value), interval(shown), _beside(shown))


def _beside(shown: Display) -> tuple[str, ...]:
    """What stands below a skill: the mean and 1/mean."""
    if shown.mean is None:
        return ()
    reciprocal = shown.reciprocal
    words = "no 1/mean at or below 0" if reciprocal is None else f"1/mean {number(reciprocal)}"
    return f"mean {number(shown.mean)}", words


def interval(value: MetricCell | Display | Interval | Gain | NullTest) -> str:
    """The ends of an interval in words; nothing where there are none."""
    low, high = value.low, value.high
    if low is None and high is None:
        return ""
    return f"{'−∞' if low is None else number(low)} to {'∞' if high is None else number(high)}"


def _metrics(table: Table, row: Row) -> tuple[MetricLine, ...]:
    lines = []
    for metric in table.metrics:
        cell = row.metrics.get(metric.key)
        if cell is None:
            continue
        gain = cell.gain_over_null
        lines.append(
            MetricLine(
                metric=Link(metric.display_title, f"../../../metrics/{metric.key}/"),
                score=score(cell),
                failed=f"{cell.n_failed:,} of {cell.n:,} failed" if cell.n_failed else "",
                gain=Score() if gain is None else Score(number(gain.gain), interval(gain)),
                strip=strip(metric, cell, _best(table.rows, metric), _best(table.nulls, metric)),
            )
        )
    return tuple(lines)


def _baselines(table: Table, row: Row) -> Baselines | None:
    """How the model stands to each baseline on the ranking metric; nothing without tests."""
    metric = table.ranked_by
    if not row.against_nulls or metric is None:
        return None
    lines = (
        BaselineLine(
            baseline_title(t.null),
            OUTCOMES[t.outcome],
            Score(number(t.gain), interval(t)),
            p_text(t.p, classes=table.p_classes),
        )
        for t in row.against_nulls
    )
    return Baselines(metric.title, tuple(lines))


def _best(rows: Sequence[Row], metric: Column) -> MetricCell | None:
    cells = [r.metrics[metric.key] for r in rows if metric.key in r.metrics]
    sign = -1 if metric.higher_is_better else 1
    return lowest(cells, [sign * e.mean for e in cells])


def _histograms(entry: Entry, content: Content) -> tuple[Histogram, ...]:
    frame = scores_of(content.leaderboard, entry)
    if frame is None:
        return ()
    usual = _usual(entry.table, content)
    made = (
        histogram(m.title, frame[m.key].tolist(), usual.get(m.key))
        for m in entry.table.metrics
        if m.key in entry.row.metrics and m.key in frame.columns
    )
    return tuple(h for h in made if h is not None)


def _usual(table: Table, content: Content) -> dict[str, float]:
    """By metric the median over a public board's ranked models of each one's median study; read once."""
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


def _groups(table: Table, row: Row) -> Groups | None:
    """The model's mean of the ranking metric in every group of studies that may be shown."""
    subgroups = table.subgroups
    lines = []
    for axis in subgroups.axes if subgroups else ():
        own = axis.models[row.id].groups if row.id in axis.models else {}
        title = AXIS_TITLES.get(axis.axis, axis.axis.replace("_", " "))
        for group in axis.groups:
            e = own.get(group.name)
            if e is None or e.value is None:
                continue
            low, high = e.rank_low, e.rank_high
            rank = "–" if low is None else f"{low}" if low == high else f"{low}–{high}"
            shown = Score(number(e.value), interval(e))
            lines.append(GroupLine(f"{title}: {group.name}", f"{group.studies:,}", shown, rank))
    if not lines or subgroups is None:
        return None
    metric = table.column(subgroups.metric)
    better = "higher is better" if metric and metric.higher_is_better else "lower is better"
    return Groups(
        value_head=f"Mean {metric.title if metric else subgroups.metric}, {better}",
        address=f"../../../leaderboards/{table.dataset}/{table.track}/#subgroups",
        rows=tuple(lines),
    )


def _cases(entry: Entry, content: Content) -> CaseBrowser | None:
    """The case browser of a public board; nothing without texts."""
    name = f"{entry.table.dataset}.{entry.table.track}"
    if not get_dataset(entry.table.dataset).exposure.studies or not has_texts(content, entry):
        return None
    return CaseBrowser(
        anchor=f"{name.replace('.', '-')}-cases",
        board=name,
        base=f"../../../data/cases/{name}/",
        model=entry.row.id.replace("/", "__"),
    )
