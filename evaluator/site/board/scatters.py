"""A board's metrics against each other, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board.charts import Dot, Level, levels, scale, tick_text, ticks
from evaluator.site.template import render
from evaluator.site.words import number

TYPICAL_WIDTH: Final = 700.0
"""Pixels that labels are laid out for."""
PHONE_WIDTH: Final = 340.0
"""Width in pixels of a figure on a phone, where only the first few labels are shown."""
LETTER: Final = 6.6
"""Width in pixels of a letter in a label."""
FIRST_LABELS: Final = 4
"""Number of labels that fit on a phone."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Upright:
    """A line down a figure, and the value below it."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Label:
    """A name next to its dot; `wide`: it does not fit on a phone."""

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
        levels=levels(ticks(min(ys), max(ys)), sy, oy),
        uprights=tuple(Upright(f"{ox + sx * v:.2f}%", tick_text(v)) for v in ticks(min(xs), max(xs))),
        top=top,
        bottom=bottom,
        dots=dots,
        labels=tuple(labels),
        across=f"{across.drawn_title}, {'better →' if across.drawn_higher else '← better'}",
        up=f"{up.drawn_title}, {'↑' if up.drawn_higher else '↓'} better",
    )


def _labels(points: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Label]:
    """Names next to their dots, in the given order, as long as none covers another name or a dot."""
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
