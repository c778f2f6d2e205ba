"""The best score of a board over time, as inline SVG and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from evaluator.leaderboard.history import Event
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board.charts import Dot, Level, levels, measured_on, scale, ticks
from evaluator.site.template import render
from evaluator.site.words import number
from evaluator.statistics.ties import TIE, by_cost


def progress(table: Table, history: Sequence[Event], root: str) -> str:
    """The best primary mean so far, by date of entry; empty with fewer than two dates.

    A date is that of the model's first line for this board in the history, else of its submission.
    """
    metric = table.ranked_by
    first: dict[str, str] = {}
    for line in history:
        if (line.dataset, line.track) == (table.dataset, table.track):
            first.setdefault(str(line.id), str(line.date)[:10])
    entries = [
        EntryScore(day[:10], metric.drawn(r.metrics[table.primary].mean), " ".join(r.name.split()), r.id)
        for r in table.rows
        for day in (first.get(r.id) or r.submitted,)
        if metric and day and table.primary in r.metrics
    ]
    days = sorted({f.day for f in entries})
    if metric is None or len(days) < 2:
        return ""
    sign = 1 if metric.drawn_higher else -1
    entries.sort(key=lambda e: e.name)  # tie: the board's order
    entries = by_cost(entries, [-sign * e.mean for e in entries])
    order = sorted(entries, key=lambda e: e.day)  # tie: the best of a day first, then the name
    best: list[EntryScore] = []
    for entry in order:
        if not best or sign * (entry.mean - best[-1].mean) > TIE:
            best.append(entry)
    return render(
        "board/progress.html", view=_progress(metric, order, best, days, digits_of(table.step), root)
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the best score so far."""

    x1: str
    y1: str
    x2: str
    y2: str


@dataclass(frozen=True, slots=True)
class Leader:
    """The best model from a date on."""

    day: str
    name: str
    mean: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The best score over time, drawn and as a table."""

    name: str
    title: str
    description: str
    height: int
    levels: tuple[Level, ...]
    steps: tuple[Step, ...]
    dots: tuple[Dot, ...]
    first_day: str
    last_day: str
    metric: str
    leaders: tuple[Leader, ...]


class EntryScore(NamedTuple):
    """The day of an entry, its mean on the scale of the figures, and its model."""

    day: str
    mean: float
    name: str
    id: str


def _progress(
    metric: Column,
    order: Sequence[EntryScore],
    best: Sequence[EntryScore],
    days: Sequence[str],
    digits: int,
    root: str,
) -> Progress:
    at = {d: date.fromisoformat(d).toordinal() for d in days}
    sx, ox = scale(at[days[0]], at[days[-1]], 9, 97)
    means = [f.mean for f in order]
    sy, oy = scale(min(means), max(means), 215, 25)
    leaders = set(best)
    dots = tuple(
        Dot(
            f"{ox + sx * at[e.day]:.2f}%",
            f"{oy + sy * e.mean:.1f}",
            e in leaders,
            f"{e.day}, {e.name}: {number(e.mean, digits)}",
            f"{root}models/{e.id}/",
        )
        for e in order
    )
    return Progress(
        name="progress",
        title="Best score over time",
        description=f"{measured_on(metric)} Each dot is an entry, filled if it was the best when it was entered; the line is the best score so far.",
        height=270,
        levels=levels(ticks(min(means), max(means), 4), sy, oy),
        steps=tuple(_steps([(ox + sx * at[e.day], oy + sy * e.mean) for e in best])),
        dots=dots,
        first_day=days[0],
        last_day=days[-1],
        metric=metric.drawn_title,
        leaders=tuple(Leader(e.day, e.name, number(e.mean, digits)) for e in best[::-1]),
    )


def _steps(turns: Sequence[tuple[float, float]]) -> Iterator[Step]:
    """The line through these points: level until the next one, then up to it."""
    for (x, y), following in zip(turns, [*turns[1:], None], strict=True):
        end = following[0] if following else 98.0
        yield Step(f"{x:.2f}%", f"{y:.1f}", f"{end:.2f}%", f"{y:.1f}")
        if following:
            yield Step(f"{end:.2f}%", f"{y:.1f}", f"{end:.2f}%", f"{following[1]:.1f}")
