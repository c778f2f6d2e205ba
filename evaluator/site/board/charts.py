"""Figures of a board as inline SVG: they need no script and take their colours from the page.

Places across are in percent and places down in pixels, so that a figure fills any width and its words
keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

from evaluator.leaderboard.history import Event
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.html import number, scrolled, text
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


def figure(name: str, title: str, description: str, height: int, body: str) -> str:
    """An accessible figure as wide as the page; `body` is SVG already, every other argument plain text."""
    return (
        f'<figure class="rx-figure" id="rx-{name}" data-rx-chart="{name}" data-search-exclude>'
        f'<svg width="100%" height="{height}" role="img" aria-labelledby="rx-{name}-t rx-{name}-d">'
        f'<title id="rx-{name}-t">{text(title)}</title><desc id="rx-{name}-d">{text(description)}</desc>'
        f"{body}</svg><figcaption><strong>{text(title)}.</strong> {text(description)}</figcaption></figure>\n"
    )


def short(value: object, limit: int = 28) -> str:
    """`value` as escaped text of at most `limit` characters."""
    plain = " ".join(str(value).split())
    return text(plain if len(plain) <= limit else plain[: limit - 1] + "…")


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
    found = [round(i * step, 12) + 0.0 for i in range(first, last + 1)]
    return ticks(low, high, 2 * count) if len(found) < 3 and count < 8 else found


def tick_text(value: float) -> str:
    """A tick's label without needless zeros, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


def measured_on(metric: Column) -> str:
    """On which scale a figure draws `metric`, and which way is better."""
    better = "higher" if metric.drawn_higher else "lower"
    if metric.skill:
        return (
            f"{better.capitalize()} is better; 0 when nothing is right. Tests use the mean of {metric.title}."
        )
    if not metric.reciprocal:
        return f"{better.capitalize()} is better."
    return (
        f"Drawn on the scale of the tests, the mean of {metric.title}, where {better} is better; "
        f"the table shows {metric.display_title}, which has a pole at 0."
    )


def _rules(values: Sequence[float], slope: float, offset: float) -> str:
    """Lines across the figure, each with its value above its left end."""
    return "".join(
        f'<line class="rx-axis" x1="0" x2="100%" y1="{offset + slope * v:.1f}" y2="{offset + slope * v:.1f}"/>'
        f'<text class="rx-tick" x="0" y="{offset + slope * v - 4:.1f}">{tick_text(v)}</text>'
        for v in values
    )


def scatters(table: Table) -> str:
    """The primary metric against every other one; the first is open, the rest fold out."""
    metrics = {m.key: m for m in table.metrics}
    primary = metrics.get(table.primary)
    others = [m for k, m in metrics.items() if k != table.primary]
    others.sort(key=lambda m: m.key != "green")  # tie: the board's order
    made = [s for m in others if primary for s in (_scatter(table, primary, m),) if s]
    if not made:
        return ""
    rest = "".join(made[1:])
    more = f'<details class="rx-fold" data-rx-more><summary>Against the other metrics</summary>{rest}</details>\n'
    return made[0] + (more if rest else "")


def _scatter(table: Table, across: Column, up: Column) -> str:
    a, b = across.key, up.key
    rows = [r for r in table.rows if a in r.metrics and b in r.metrics]
    if len(rows) < 2:
        return ""
    digits = digits_of(table.step)
    xs, ys = ([m.drawn(r.metrics[m.key].mean) for r in rows] for m in (across, up))
    height, top, bottom = 360, 30, 300
    sx, ox = scale(min(xs), max(xs), 9, 94)
    sy, oy = scale(min(ys), max(ys), bottom - 10, top + 14)
    points = [(ox + sx * x, oy + sy * y) for x, y in zip(xs, ys, strict=True)]
    names = [" ".join(str(r.name).split()) for r in rows]
    labels = _labels(points, [n if len(n) <= 24 else f"{n[:23]}…" for n in names])
    parts = [_rules(ticks(min(ys), max(ys)), sy, oy)]
    parts += [
        f'<line class="rx-axis" x1="{ox + sx * v:.2f}%" x2="{ox + sx * v:.2f}%" y1="{top}" y2="{bottom}"/>'
        f'<text x="{ox + sx * v:.2f}%" y="{bottom + 18}" text-anchor="middle">{tick_text(v)}</text>'
        for v in ticks(min(xs), max(xs))
    ]
    for row, name, (px, py), x, y in zip(rows, names, points, xs, ys, strict=True):
        dot = "rx-dot" if row.tied_with_best else "rx-dot rx-hollow"
        said = f"{text(name)}: {text(across.drawn_title)} {number(x, digits)}, {text(up.drawn_title)} {number(y, digits)}"
        parts.append(
            f'<circle class="{dot}" cx="{px:.2f}%" cy="{py:.1f}" r="4.5"><title>{said}</title></circle>'
        )
    parts += labels
    foot = f"{text(across.drawn_title)}, {'better →' if across.drawn_higher else '← better'}"
    parts.append(f'<text x="50%" y="{height - 18}" text-anchor="middle">{foot}</text>')
    parts.append(
        f'<text x="0" y="14">{text(up.drawn_title)}, {"↑" if up.drawn_higher else "↓"} better</text>'
    )
    shown = len(labels)
    title = f"{up.drawn_title} (upwards) against {across.drawn_title} (across), means"
    about = "Filled dots: the best group of the ranking metric. "
    about += (
        ""
        if shown == len(rows)
        else f"{shown} of {len(rows)} dots have room for a name; hover over the others. "
    )
    return figure(
        f"scatter-{b}", title, f"{about}All numbers stand in the board's table.", height, "".join(parts)
    )


def _labels(points: Sequence[tuple[float, float]], names: Sequence[str]) -> list[str]:
    """Names beside their dots, in the order given, as far as none covers another name or a dot.

    Names that a phone has no room for have a class that hides them there.
    """
    taken: list[Box] = [_around(*_on(p, TYPICAL_WIDTH)) for p in points]
    on_phone: list[Box] = []
    made: list[str] = []
    for i, (point, name) in enumerate(zip(points, names, strict=True)):
        others = [box for j, box in enumerate(taken) if j != i]
        for anchor, dx, dy in (("start", 8, 4), ("end", -8, 4), ("middle", 0, -9), ("middle", 0, 17)):
            box = _box(_on(point, TYPICAL_WIDTH), name, anchor, dx, dy)
            if box[0] <= 0 or box[2] >= TYPICAL_WIDTH or any(_meet(box, o) for o in others):
                continue
            taken.append(box)
            narrow = _box(_on(point, PHONE_WIDTH), name, anchor, dx, dy)
            fits = narrow[0] > 0 and narrow[2] < PHONE_WIDTH and not any(_meet(narrow, o) for o in on_phone)
            if fits and len(on_phone) < FIRST_LABELS:
                on_phone.append(narrow)
            kind = "" if narrow in on_phone else ' class="rx-wide"'
            made.append(
                f'<text{kind} x="{point[0]:.2f}%" y="{point[1] + dy:.1f}" dx="{dx}" text-anchor="{anchor}">{text(name)}</text>'
            )
            break
    return made


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


def progress(table: Table, history: Sequence[Event]) -> str:
    """The best primary mean so far, by date of entry; empty with fewer than two dates.

    A date is that of the model's first line for this board in the history, else of its submission.
    """
    metric = table.ranked_by
    first: dict[str, str] = {}
    for line in history:
        if (line.dataset, line.track) == (table.dataset, table.track):
            first.setdefault(str(line.id), str(line.date)[:10])
    entries = [
        (day[:10], metric.drawn(r.metrics[table.primary].mean), " ".join(str(r.name).split()))
        for r in table.rows
        for day in (first.get(r.id) or r.submitted,)
        if metric and day and table.primary in r.metrics
    ]
    days = sorted({f[0] for f in entries})
    if metric is None or len(days) < 2:
        return ""
    sign = 1 if metric.drawn_higher else -1
    entries.sort(key=lambda e: e[2])  # tie: the board's order
    entries = by_cost(entries, [-sign * mean for _, mean, _ in entries])
    found = sorted(entries, key=lambda e: e[0])  # tie: the best of a day first, then the name
    best: list[tuple[str, float, str]] = []
    for entry in found:
        if not best or sign * (entry[1] - best[-1][1]) > TIE:
            best.append(entry)
    digits = digits_of(table.step)
    about = f"{measured_on(metric)} Dots are entries, filled ones those that were the best when they came; the line is the best so far."
    shown = figure("progress", "Best score over time", about, 270, _steps(found, best, days, digits))
    return shown + _best_table(metric, best, digits)


def _best_table(metric: Column, best: Sequence[tuple[str, float, str]], digits: int) -> str:
    """The figure's data: who was best from when."""
    rows = "".join(
        f'<tr><td class="rx-words">{day}</td><th scope="row" class="rx-model">{text(name)}</th><td>{number(mean, digits)}</td></tr>'
        for day, mean, name in best[::-1]
    )
    title = "Who was best from when"
    head = f'<th scope="col" class="rx-words">From</th><th scope="col" class="rx-model">Model</th><th scope="col">{text(metric.drawn_title)}</th>'
    made = scrolled(title, f"<thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody>", name="best")
    return f'<details class="rx-fold"><summary>{title}</summary>\n{made}</details>\n'


def _steps(
    found: Sequence[tuple[str, float, str]],
    best: Sequence[tuple[str, float, str]],
    days: Sequence[str],
    digits: int,
) -> str:
    at = {d: date.fromisoformat(d).toordinal() for d in days}
    sx, ox = scale(at[days[0]], at[days[-1]], 9, 97)
    means = [f[1] for f in found]
    sy, oy = scale(min(means), max(means), 215, 25)
    turns = [(ox + sx * at[day], oy + sy * mean) for day, mean, _ in best]
    lines = []
    for i, (x, y) in enumerate(turns):
        end = turns[i + 1][0] if i + 1 < len(turns) else 98.0
        lines.append(f'<line x1="{x:.2f}%" x2="{end:.2f}%" y1="{y:.1f}" y2="{y:.1f}"/>')
        if i + 1 < len(turns):
            lines.append(f'<line x1="{end:.2f}%" x2="{end:.2f}%" y1="{y:.1f}" y2="{turns[i + 1][1]:.1f}"/>')
    leaders = {(d, n) for d, _, n in best}
    dots = "".join(
        f'<circle class="rx-dot{"" if (d, n) in leaders else " rx-hollow"}" cx="{ox + sx * at[d]:.2f}%" cy="{oy + sy * m:.1f}" r="4">'
        f"<title>{d}, {text(n)}: {number(m, digits)}</title></circle>"
        for d, m, n in found
    )
    ends = (
        f'<text x="9%" y="252" text-anchor="middle">{days[0]}</text>'
        f'<text x="97%" y="252" text-anchor="end">{days[-1]}</text>'
    )
    return f'{_rules(ticks(min(means), max(means), 4), sy, oy)}<g class="rx-steps">{"".join(lines)}</g>{dots}{ends}'
