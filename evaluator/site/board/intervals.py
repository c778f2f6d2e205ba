"""Intervals of every metric, with rank ranges next to those of the ranking metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of, rank_text
from evaluator.site.board.charts import measured_on, scale, ticks
from evaluator.site.board.row_charts import Grid, Scale, Tick, at, axis, grid_of, rank_ticks
from evaluator.site.template import render
from evaluator.site.words import number
from evaluator.statistics.ties import by_cost, lowest


@dataclass(frozen=True, slots=True)
class Line:
    """A model: its interval and mean across the figure, both in words, and its rank range if one is drawn."""

    name: str
    top: bool
    words: str
    low: str
    at: str
    high: str
    mean: str
    rank: str
    rank_low: str = ""
    rank_high: str = ""


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of one metric; `kind` names the layout, `fold` the title of the fold around it."""

    kind: str
    title: str
    fold: str
    metric: str
    way: str
    number: str
    about: str
    grid: str
    grids: tuple[Grid, ...]
    ticks: tuple[Tick, ...]
    rank_ticks: tuple[Tick, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The ranking metric's intervals, and those of the others."""

    first: Intervals
    others: tuple[Intervals, ...]


@dataclass(frozen=True, slots=True)
class _Plot:
    """How the intervals of one metric are drawn."""

    metric: Column
    over: Scale
    values: list[float]
    null: tuple[str, float] | None
    digits: int

    @property
    def name(self) -> str:
        """Id of the column's lines."""
        return f"rx-grid-{self.metric.key}"

    @property
    def grid(self) -> Grid:
        """The lines shown in every row."""
        return grid_of(self.name, self.values, self.over, self.null[1] if self.null else None)


def intervals(table: Table) -> str:
    """Means, intervals and rank ranges of the ranked models; empty if nothing has an interval."""
    metric = table.ranked_by
    rows = [] if metric is None else _with_interval(table, metric)
    if metric is None or not rows:
        return ""
    last = max(r.rank_high for r in rows)
    places, marks = scale(1, max(2, last), 3, 97), rank_ticks(last)
    plot = _plot(table, metric, rows)
    about = f"{measured_on(metric)} Filled dots and the bar on the left mark the best group: no test shows these models to be worse than the first. The ranges of two models can overlap even though a test separates them: see the pairwise tests.{_null_words(plot)}"
    first = _intervals(
        plot,
        kind="intervals",
        title="Intervals and rank ranges",
        about=about,
        ranks=(grid_of("rx-grid-rank", marks, places), axis(marks, places)),
        rows=[_line(r, plot, places) for r in rows],
    )
    return render("board/intervals.html", view=View(first, tuple(_others(table))))


def _intervals(
    plot: _Plot,
    *,
    kind: str,
    title: str,
    about: str,
    rows: Sequence[Line],
    ranks: tuple[Grid, tuple[Tick, ...]] | None = None,
) -> Intervals:
    metric = plot.metric
    return Intervals(
        kind=kind,
        title=title,
        fold=metric.title,
        metric=metric.drawn_title + ("" if metric.skill else ", mean"),
        way="better →" if metric.drawn_higher else "← better",
        number="Skill" if metric.skill else "Mean",
        about=about,
        grid=plot.name,
        grids=(plot.grid, *((ranks[0],) if ranks else ())),
        ticks=axis(plot.values, plot.over),
        rank_ticks=ranks[1] if ranks else (),
        rows=tuple(rows),
    )


def _with_interval(table: Table, metric: Column) -> list[RankedRow]:
    return [r for r in table.rows if metric.key in r.metrics and r.metrics[metric.key].interval]


def _plot(table: Table, metric: Column, rows: Sequence[RankedRow]) -> _Plot:
    null = _best_null(table, metric)
    ends = [metric.drawn(end) for r in rows for end in r.metrics[metric.key].interval or ()]
    ends += [null[1]] if null else []
    return _Plot(
        metric,
        scale(min(ends), max(ends), 2, 98),
        ticks(min(ends), max(ends), 4),
        null,
        digits_of(table.step),
    )


def _null_words(plot: _Plot) -> str:
    if plot.null is None:
        return ""
    return f" The dashed line is the best baseline, {plot.null[0]} ({number(plot.null[1], plot.digits)})."


def _others(table: Table) -> list[Intervals]:
    """The same for every other metric, best first; without ranks, which only the ranking metric gives."""
    plots = []
    for metric in table.metrics:
        rows = _with_interval(table, metric)
        if metric.key == table.primary or not rows:
            continue
        sign = -1 if metric.higher_is_better else 1
        rows = by_cost(rows, [sign * r.metrics[metric.key].mean for r in rows])
        plot = _plot(table, metric, rows)
        about = f"{measured_on(metric)} Sorted by mean, best first; the marks are those of the ranking metric.{_null_words(plot)}"
        plots.append(
            _intervals(
                plot,
                kind="metric",
                title=f"Intervals for {metric.drawn_title}",
                about=about,
                rows=[_line(r, plot) for r in rows],
            )
        )
    return plots


def _best_null(table: Table, metric: Column) -> tuple[str, float] | None:
    means = [(r.name, r.metrics[metric.key].mean) for r in table.nulls if metric.key in r.metrics]
    sign = -1 if metric.higher_is_better else 1
    means.sort()  # tie: none, names differ
    best = lowest(means, [sign * mean for _, mean in means])
    return (best[0], metric.drawn(best[1])) if best else None


def _line(row: RankedRow, plot: _Plot, places: Scale | None = None) -> Line:
    entry = row.metrics[plot.metric.key]
    mean, *ends = (plot.metric.drawn(v) for v in (entry.mean, *(entry.interval or (entry.mean, entry.mean))))
    low, high = sorted(ends)  # tie: none, the ends of an interval
    what = "skill" if plot.metric.skill else "mean"
    a, b, c = (number(v, plot.digits) for v in (mean, low, high))
    return Line(
        name=row.name,
        top=row.tied_with_best,
        words=f"{row.name}: {what} {a}, 95 % interval {b} to {c}",
        low=at(low, plot.over),
        at=at(mean, plot.over),
        high=at(high, plot.over),
        mean=a,
        rank=rank_text(row),
        rank_low=at(row.rank_low, places) if places else "",
        rank_high=at(row.rank_high, places) if places else "",
    )
