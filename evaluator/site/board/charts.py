"""Figures of a board as inline SVG: they need no script and take their colours from the page.

Places across are in percent and places down in pixels, so that a figure fills any width and its words
keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from evaluator.leaderboard.history import Event
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.template import render
from evaluator.site.words import number
from evaluator.statistics.ties import TIE, by_cost

TYPICAL_WIDTH: Final = 700.0
"""Pixels that labels are laid out for."""
PHONE_WIDTH: Final = 340.0
"""Pixels of a figure on a phone, where only the first few labels are shown."""
LETTER: Final = 6.6
"""Pixels of a letter of a label."""
FIRST_LABELS: Final = 4
"""Labels that a phone has room for."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Level:
    """A line across a figure, the place of the value above its left end, and the value."""

    at: str
    above: str
    label: str


@dataclass(frozen=True, slots=True)
class Upright:
    """A line down a figure, and the value below it."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a figure, what it stands for, and the way to its model."""

    x: str
    y: str
    filled: bool
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Label:
    """A name beside its dot; `wide`: a phone has no room for it."""

    x: str
    y: str
    dx: int
    anchor: str
    words: str
    wide: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """One metric against another."""

    name: str
    title: str
    description: str
    height: int
    levels: tuple[Level, ...]
    uprights: tuple[Upright, ...]
    top: int
    bottom: int
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]
    across: str
    up: str


@dataclass(frozen=True, slots=True)
class Scatters:
    """The first figure, and those that fold out."""

    first: Scatter
    others: tuple[Scatter, ...]


def scale(low: float, high: float, start: float, end: float) -> tuple[float, float]:
    """Slope and offset that lay [low, high] over [start, end]; a single value falls in the middle."""
    if high <= low:
        return 0.0, (start + end) / 2
    slope = (end - start) / (high - low)
    return slope, start - slope * low


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values within [low, high], about `count` of them, and three at the least where there is room.

    >>> ticks(0.0, 1.0), ticks(0.52, 1.4, 4)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.6, 0.8, 1.0, 1.2, 1.4])
    """
    span = high - low
    if not span > 0:
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * f for f in (1, 2, 5) if power * f >= raw * 0.999), power * 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    values = [round(i * step, 12) + 0.0 for i in range(first, last + 1)]
    return ticks(low, high, 2 * count) if len(values) < 3 and count < 8 else values


def tick_text(value: float) -> str:
    """A tick's label without needless zeros, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


def measured_on(metric: Column) -> str:
    """On which scale a figure draws `metric`, and which way is better."""
    better = "higher" if metric.drawn_higher else "lower"
    if metric.skill:
        return (
            f"{better.capitalize()} is better; 0 means nothing is right. The tests use mean {metric.title}."
        )
    if not metric.reciprocal:
        return f"{better.capitalize()} is better."
    return f"Drawn on the scale the tests use, mean {metric.title}, where {better} is better; the table shows {metric.display_title}, which is undefined at 0."


def _levels(values: Sequence[float], slope: float, offset: float) -> tuple[Level, ...]:
    """Lines across the figure at these values."""
    return tuple(
        Level(f"{offset + slope * v:.1f}", f"{offset + slope * v - 4:.1f}", tick_text(v)) for v in values
    )


def scatters(table: Table, root: str) -> str:
    """The primary metric against every other one; the first is open, the rest fold out."""
    metrics = {m.key: m for m in table.metrics}
    primary = metrics.get(table.primary)
    others = [m for k, m in metrics.items() if k != table.primary]
    others.sort(key=lambda m: m.key != "green")  # tie: the board's order
    figures = [s for m in others if primary for s in (_scatter(table, primary, m, root),) if s]
    return render("board/scatters.html", view=Scatters(figures[0], tuple(figures[1:]))) if figures else ""


def _scatter(table: Table, across: Column, up: Column, root: str) -> Scatter | None:
    a, b = across.key, up.key
    rows = [r for r in table.rows if a in r.metrics and b in r.metrics]
    if len(rows) < 2:
        return None
    digits = digits_of(table.step)
    xs, ys = ([m.drawn(r.metrics[m.key].mean) for r in rows] for m in (across, up))
    top, bottom = 30, 300
    sx, ox = scale(min(xs), max(xs), 9, 94)
    sy, oy = scale(min(ys), max(ys), bottom - 10, top + 14)
    points = [(ox + sx * x, oy + sy * y) for x, y in zip(xs, ys, strict=True)]
    names = [" ".join(r.name.split()) for r in rows]
    labels = _labels(points, [n if len(n) <= 24 else f"{n[:23]}…" for n in names])
    dots = tuple(
        Dot(
            f"{px:.2f}%",
            f"{py:.1f}",
            row.tied_with_best,
            f"{name}: {across.drawn_title} {number(x, digits)}, {up.drawn_title} {number(y, digits)}",
            f"{root}models/{row.id}/",
        )
        for row, name, (px, py), x, y in zip(rows, names, points, xs, ys, strict=True)
    )
    hidden = len(rows) - len(labels)
    about = "Filled dots: the best group of the ranking metric. "
    about += (
        f"{len(labels)} of {len(rows)} dots are labelled on a wide screen; hover over, tap or tab to a dot to see its name. "
        if hidden
        else ""
    )
    return Scatter(
        name=f"scatter-{b}",
        title=f"{up.drawn_title} (upwards) against {across.drawn_title} (across), means",
        description=f"{about}All values are in the table above.",
        height=360,
        levels=_levels(ticks(min(ys), max(ys)), sy, oy),
        uprights=tuple(Upright(f"{ox + sx * v:.2f}%", tick_text(v)) for v in ticks(min(xs), max(xs))),
        top=top,
        bottom=bottom,
        dots=dots,
        labels=tuple(labels),
        across=f"{across.drawn_title}, {'better →' if across.drawn_higher else '← better'}",
        up=f"{up.drawn_title}, {'↑' if up.drawn_higher else '↓'} better",
    )


def _labels(points: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Label]:
    """Names beside their dots, in the order given, as far as none covers another name or a dot."""
    boxes: list[Box] = [_around(*_on(p, TYPICAL_WIDTH)) for p in points]
    on_phone: list[Box] = []
    labels: list[Label] = []
    for i, (point, name) in enumerate(zip(points, names, strict=True)):
        others = [box for j, box in enumerate(boxes) if j != i]
        for anchor, dx, dy in (("start", 8, 4), ("end", -8, 4), ("middle", 0, -9), ("middle", 0, 17)):
            box = _box(_on(point, TYPICAL_WIDTH), name, anchor, dx, dy)
            if box[0] <= 0 or box[2] >= TYPICAL_WIDTH or any(_meet(box, o) for o in others):
                continue
            boxes.append(box)
            narrow = _box(_on(point, PHONE_WIDTH), name, anchor, dx, dy)
            fits = narrow[0] > 0 and narrow[2] < PHONE_WIDTH and not any(_meet(narrow, o) for o in on_phone)
            if fits and len(on_phone) < FIRST_LABELS:
                on_phone.append(narrow)
            wide = narrow not in on_phone
            labels.append(Label(f"{point[0]:.2f}%", f"{point[1] + dy:.1f}", dx, anchor, name, wide))
            break
    return labels


def _on(point: tuple[float, float], width: float) -> tuple[float, float]:
    """A point in pixels on a figure of this width."""
    return point[0] / 100 * width, point[1]


def _around(x: float, y: float) -> Box:
    return x - 5, y - 5, x + 5, y + 5


def _box(at: tuple[float, float], name: str, anchor: str, dx: float, dy: float) -> Box:
    """What a name covers, in pixels."""
    wide = LETTER * len(name)
    left = at[0] + dx - {"start": 0.0, "end": wide, "middle": wide / 2}[anchor]
    return left, at[1] + dy - 11, left + wide, at[1] + dy + 3


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


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
    """Who was best from when."""

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
    """The day of an entry, its mean on the scale of the figures, and whose it is."""

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
        levels=_levels(ticks(min(means), max(means), 4), sy, oy),
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
