"""The numbers of a board as readers see them: values, intervals, bars, and the marks of the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.leaderboard.row import MetricCell, Row
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board.charts import scale
from evaluator.site.views import Bar, Number
from evaluator.site.words import number
from evaluator.statistics.ties import by_cost

Marks = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a board; `bar`: its interval across the cell; `wrong`: contradicted by its own row.

    `beside`: a second number shown below it.
    """

    number: Number
    bar: Bar | None = None
    wrong: bool = False
    beside: str = ""


def shown_parts(entry: MetricCell, digits: int) -> tuple[str, str, str, str]:
    """Value, lower end, upper end and a remark as shown; empty for a missing one.

    If 1/mean has no meaning, the mean itself is shown with a remark.
    """
    display = entry.display
    if display.value is None:
        ends = (entry.low, entry.high)
        low, high = ("" if v is None else number(v, digits) for v in ends)
        mean = number(entry.mean, digits)
        return mean, low, high, "the mean; 1/mean is undefined at or below 0"
    if display.low is None and display.high is None:
        return number(display.value, digits), "", "", ""
    low = "−∞" if display.low is None else number(display.low, digits)
    high = "∞" if display.high is None else number(display.high, digits)
    words = "" if display.high is not None else "no upper bound: the mean may be 0"
    return number(display.value, digits), low, high, words


def cells_of(
    row: Row, table: Table, marks: Marks, bars: Mapping[str, tuple[float, float]], null: float | None
) -> tuple[Cell, ...]:
    """A row's cells in the order of `columns.heads`. `bars`: by metric slope and offset of its bars' scale."""
    digits = digits_of(table.step)
    cells: list[Cell] = []
    for metric in table.metrics:
        entry = row.metrics.get(metric.key)
        cells.append(_cell(row, metric, entry, digits, marks, bars.get(metric.key), null))
        if metric.skill:
            cells.append(_beside(metric, entry, digits))
    return tuple(cells)


def _cell(
    row: Row,
    metric: Column,
    entry: MetricCell | None,
    digits: int,
    marks: Marks,
    over: tuple[float, float] | None,
    null: float | None,
) -> Cell:
    if entry is None:
        return Cell(Number())
    value, low, high, remark = shown_parts(entry, digits)
    notes = [remark] if remark else []
    notes += [f"{entry.n_failed} failed"] if entry.n_failed else []
    number_cell = Number(
        value=value,
        low=low,
        high=high,
        notes=tuple(notes),
        sort=repr(entry.mean),
        mark=marks.get((row.id, metric.key), ""),
        heat=marks.get((row.id, f"heat {metric.key}"), ""),
    )
    return Cell(
        number_cell, bar_of(metric, entry, over, null, digits, filled=row.tied_with_best) if over else None
    )


def _beside(metric: Column, entry: MetricCell | None, digits: int) -> Cell:
    """The mean of a skill, and below it 1/mean, or a note at and beyond the pole."""
    if entry is None:
        return Cell(Number())
    mean = Number(number(entry.mean, digits), sort=repr(entry.mean))
    if not metric.reciprocal:
        return Cell(mean)
    one_over = entry.display.reciprocal
    if one_over is None:
        return Cell(replace(mean, notes=("no 1/mean",)))
    text = number(one_over, digits)
    return Cell(replace(mean, notes=(f"1/mean {text}",)), beside=text)


def bar_of(
    metric: Column,
    entry: MetricCell,
    over: tuple[float, float],
    null: float | None,
    digits: int,
    *,
    filled: bool,
) -> Bar:
    """The interval of a metric across a cell; `null`: the best baseline on the scale of the figures."""
    mean, *ends = (metric.drawn(v) for v in (entry.mean, *(entry.interval or (entry.mean, entry.mean))))
    low, high = sorted(ends)  # tie: none, the ends of an interval
    slope, offset = over
    a, b, c = (f"{offset + slope * v:.1f}" for v in (low, mean, high))
    words = f"{number(mean, digits)}, 95 % interval {number(low, digits)} to {number(high, digits)}"
    line = None if null is None else f"{offset + slope * null:.1f}"
    return Bar(words, a, b, c, null=line, filled=filled)


def bar_scale(rows: Sequence[Row], metric: Column) -> tuple[float, float]:
    """Slope and offset that map the intervals of `rows` to a cell, in percent."""
    entries = [r.metrics[metric.key] for r in rows if metric.key in r.metrics]
    ends = [metric.drawn(v) for e in entries for v in (e.mean, *(e.interval or ()))]
    return scale(min(ends), max(ends), 3, 97) if ends else (0.0, 50.0)


def best_null(table: Table, metric: Column) -> float | None:
    """The mean of the best baseline on the scale of the figures; `None` without one."""
    means = [metric.drawn(r.metrics[metric.key].mean) for r in table.nulls if metric.key in r.metrics]
    if not means:
        return None
    return max(means) if metric.drawn_higher else min(means)


def marks_of(rows: Sequence[Row], metrics: Sequence[Column], digits: int) -> dict[tuple[str, str], str]:
    """`best` and `second` of every column, by displayed values: equal ones are marked equally."""
    marks: dict[tuple[str, str], str] = {}
    for key, column in _columns(rows, metrics):
        texts = {r.id: shown_parts(e, digits)[0] for r, e in column}
        order = list(dict.fromkeys(texts[r.id] for r, _ in column))
        for mark, value in zip(("best", "second"), order, strict=False):
            marks |= {(i, key): mark for i, v in texts.items() if v == value}
    return marks


def heat_of(rows: Sequence[Row], metrics: Sequence[Column]) -> dict[tuple[str, str], str]:
    """A level from 0 (worst) to 4 (best) for every cell, by its place between the column's extremes."""
    levels: dict[tuple[str, str], str] = {}
    for key, column in _columns(rows, metrics):
        if not column:
            continue
        best, worst = column[0][1].mean, column[-1][1].mean
        for row, entry in column:
            if best != worst:
                share = (entry.mean - worst) / (best - worst)
                levels[row.id, f"heat {key}"] = str(round(4 * share))
    return levels


def _columns(
    rows: Sequence[Row], metrics: Sequence[Column]
) -> Iterable[tuple[str, list[tuple[Row, MetricCell]]]]:
    """Per metric, the rows that have it and their entries, best mean first."""
    for metric in metrics:
        key, sign = metric.key, -1 if metric.higher_is_better else 1
        column = [(r, r.metrics[key]) for r in rows if key in r.metrics]
        yield key, by_cost(column, [sign * entry.mean for _, entry in column])
