"""Intervals of every metric, and ranges of ranks beside those of the ranking metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of, rank_text
from evaluator.site.board.charts import measured_on, scale, ticks
from evaluator.site.board.row_charts import Scale, at, axis, grid_of, lane, lanes_table, rank_ticks
from evaluator.site.html import number, text
from evaluator.statistics.ties import by_cost, lowest


def intervals(table: Table) -> str:
    """Means, intervals and ranges of ranks of the ranked models; empty when nothing has an interval."""
    metric = table.ranked_by
    rows = [] if metric is None else _with_interval(table, metric)
    if metric is None or not rows:
        return ""
    last = max(r.rank_high for r in rows)
    places, marks = scale(1, max(2, last), 3, 97), rank_ticks(last)
    plot = _plot(table, metric, rows)
    body = "\n".join(
        f"{_model_cells(r, plot)}<td>{_range(r, places)}</td>{_mean_cell(r, plot)}"
        f'<td class="rx-number">{rank_text(r)}</td></tr>'
        for r in rows
    )
    head = (
        f"<thead><tr>{_interval_heads(plot)}"
        f'<th scope="col">Range of ranks<small>← better to the left</small>{axis(marks, places)}</th>'
        f'<th scope="col" class="rx-number">{_mean_head(metric)}</th><th scope="col" class="rx-number">Rank</th></tr></thead>'
    )
    about = (
        f"{measured_on(metric)} Filled dots and the bar at the left edge mark the best group: no test shows these models "
        f"to be worse than the first. Ranges of two models may overlap although a test separates the two: the pairs below say it.{_null_words(plot)}"
    )
    grids = plot.grid + grid_of("rx-grid-rank", marks, places, None)
    shown = lanes_table("intervals", "Intervals and ranges of ranks", head, body, about, grids)
    return shown + _other_intervals(table)


class _Plot(NamedTuple):
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
    def grid(self) -> str:
        """The lines that every lane shows."""
        return grid_of(self.name, self.values, self.over, self.null)


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


def _interval_heads(plot: _Plot) -> str:
    way = "better to the right →" if plot.metric.drawn_higher else "← better to the left"
    name = text(plot.metric.drawn_title) + ("" if plot.metric.skill else ", mean")
    return (
        f'<th scope="col" class="rx-model">Model</th><th scope="col">{name} and 95 % interval'
        f"<small>{way}</small>{axis(plot.values, plot.over)}</th>"
    )


def _model_cells(row: RankedRow, plot: _Plot) -> str:
    top = " class=rx-top" if row.tied_with_best else ""
    return f'<tr{top}><th scope="row" class="rx-model">{text(row.name)}</th><td>{_interval(row, plot)}</td>'


def _mean_cell(row: RankedRow, plot: _Plot) -> str:
    mean = plot.metric.drawn(row.metrics[plot.metric.key].mean)
    return f'<td class="rx-number">{number(mean, plot.digits)}</td>'


def _mean_head(metric: Column) -> str:
    """What the figure's number is called."""
    return "Skill" if metric.skill else "Mean"


def _null_words(plot: _Plot) -> str:
    if plot.null is None:
        return ""
    return (
        f" The dashed line is the best baseline, {text(plot.null[0])} ({number(plot.null[1], plot.digits)})."
    )


def _other_intervals(table: Table) -> str:
    """The same for every other metric, best first, folded; without ranks, which the ranking metric alone gives."""
    made = []
    for metric in table.metrics:
        rows = _with_interval(table, metric)
        if metric.key == table.primary or not rows:
            continue
        sign = -1 if metric.higher_is_better else 1
        rows = by_cost(rows, [sign * r.metrics[metric.key].mean for r in rows])
        plot = _plot(table, metric, rows)
        body = "\n".join(f"{_model_cells(r, plot)}{_mean_cell(r, plot)}</tr>" for r in rows)
        head = f'<thead><tr>{_interval_heads(plot)}<th scope="col" class="rx-number">{_mean_head(metric)}</th></tr></thead>'
        about = f"{measured_on(metric)} Best mean first; the marks are those of the ranking metric.{_null_words(plot)}"
        shown = lanes_table("metric", f"Intervals of {metric.drawn_title}", head, body, about, plot.grid)
        made.append(f'<details class="rx-fold"><summary>{text(metric.title)}</summary>\n{shown}</details>\n')
    if not made:
        return ""
    return f'<details class="rx-fold"><summary>Intervals of the other metrics</summary>\n{"".join(made)}</details>\n'


def _best_null(table: Table, metric: Column) -> tuple[str, float] | None:
    found = [(r.name, r.metrics[metric.key].mean) for r in table.nulls if metric.key in r.metrics]
    sign = -1 if metric.higher_is_better else 1
    found.sort()  # tie: none, names differ
    best = lowest(found, [sign * mean for _, mean in found])
    return (best[0], metric.drawn(best[1])) if best else None


def _interval(row: RankedRow, plot: _Plot) -> str:
    entry = row.metrics[plot.metric.key]
    mean, *ends = (plot.metric.drawn(v) for v in (entry.mean, *(entry.interval or (entry.mean, entry.mean))))
    low, high = sorted(ends)  # tie: none, the ends of an interval
    words = f"{_mean_head(plot.metric).lower()} {number(mean, plot.digits)}, 95 % interval {number(low, plot.digits)} to {number(high, plot.digits)}"
    dot = "rx-dot" if row.tied_with_best else "rx-dot rx-hollow"
    drawn = (
        f'<line class="rx-span" x1="{at(low, plot.over)}" x2="{at(high, plot.over)}" y1="10" y2="10"/>'
        f'<circle class="{dot}" cx="{at(mean, plot.over)}" cy="10" r="4.5"/>'
    )
    return lane(f"{text(row.name)}: {words}", plot.name, drawn)


def _range(row: RankedRow, places: Scale) -> str:
    a, b = at(row.rank_low, places), at(row.rank_high, places)
    drawn = (
        f'<line class="rx-band" x1="{a}" x2="{b}" y1="10" y2="10"/>'
        f'<circle class="rx-dot" cx="{a}" cy="10" r="3"/><circle class="rx-dot" cx="{b}" cy="10" r="3"/>'
    )
    return lane(f"{text(row.name)}: rank {rank_text(row)}", "rx-grid-rank", drawn)
