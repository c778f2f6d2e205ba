"""Figures of a board as inline SVG: they need no script and take their colours from the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from evaluator.pages.markup import number, text

WIDTH: Final = 720
LEFT: Final = 230
STEP: Final = 24


def figure(name: str, title: str, description: str, height: int, body: str) -> str:
    """An accessible figure of width 720; `body` is SVG already, every other argument plain text."""
    return (
        f'<figure class="rx-figure" id="rx-{name}" data-rx-chart="{name}" data-search-exclude>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="rx-{name}-t rx-{name}-d">'
        f'<title id="rx-{name}-t">{text(title)}</title><desc id="rx-{name}-d">{text(description)}</desc>'
        f"{body}</svg><figcaption>{text(title)}. {text(description)}</figcaption></figure>\n"
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
    """Round values within [low, high], about `count` of them.

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = high - low
    if not span > 0:
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * f for f in (1, 2, 5) if power * f >= raw * 0.999), power * 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A tick's label without needless zeros, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


def measured_on(metric: Mapping[str, Any]) -> str:
    """On which scale a figure draws `metric`, and which way is better."""
    better = "higher" if metric["higher_is_better"] else "lower"
    if not metric["reciprocal"]:
        return f"{better.capitalize()} is better."
    return (
        f"Drawn on the scale of the tests, the mean of {metric['title']}, where {better} is better; "
        f"the table shows {metric['display_title']}, which has a pole at 0."
    )


def _vertical_axis(values: Sequence[float], slope: float, offset: float, bottom: int) -> str:
    return "".join(
        f'<line class="rx-axis" x1="{offset + slope * v:.1f}" x2="{offset + slope * v:.1f}" y1="6" y2="{bottom}"/>'
        f'<text x="{offset + slope * v:.1f}" y="{bottom + 16}" text-anchor="middle">{tick_text(v)}</text>'
        for v in values
    )


def forest(table: Mapping[str, Any]) -> str:
    """Means and intervals of the primary metric, best on top; empty when nothing has an interval."""
    metric = next((m for m in table["metrics"] if m["key"] == table["primary"]), None)
    rows = [r for r in table["rows"] if (r["metrics"].get(table["primary"]) or {}).get("low") is not None]
    if metric is None or not rows:
        return ""
    entries = [r["metrics"][table["primary"]] for r in rows]
    low, high = min(e["low"] for e in entries), max(e["high"] for e in entries)
    slope, offset = scale(low, high, LEFT, WIDTH - 24)
    bottom = 10 + STEP * len(rows)
    parts = [_vertical_axis(ticks(low, high), slope, offset, bottom)]
    for i, (row, entry) in enumerate(zip(rows, entries, strict=True)):
        y = 20 + STEP * i
        a, m, b = (offset + slope * entry[k] for k in ("low", "mean", "high"))
        dot = "rx-dot" if row["tied_with_best"] else "rx-dot rx-hollow"
        span = f"{number(entry['mean'])} ({number(entry['low'])} to {number(entry['high'])})"
        parts.append(
            f"<g><title>{short(row['name'], 60)}: {span}</title>"
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{short(row["name"])}</text>'
            f'<line class="rx-span" x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}"/>'
            f'<circle class="{dot}" cx="{m:.1f}" cy="{y}" r="4.5"/></g>'
        )
    title = f"{metric['title']}: mean and 95 % interval"
    about = f"{measured_on(metric)} Filled dots: the group that nothing separates from the best."
    return figure("forest", title, about, bottom + 24, "".join(parts))


def rank_plot(table: Mapping[str, Any]) -> str:
    """Each model's range of ranks; empty with fewer than two ranked models."""
    rows = [r for r in table["rows"] if r["rank_low"] is not None]
    if len(rows) < 2:
        return ""
    last = max(r["rank_high"] for r in rows)
    slope, offset = scale(1, last, LEFT + 8, WIDTH - 24)
    bottom = 10 + STEP * len(rows)
    marks = sorted({1, last, *(int(t) for t in ticks(1, last, 8) if t >= 1 and t == int(t))})
    parts = [_vertical_axis(marks, slope, offset, bottom)]
    for i, row in enumerate(rows):
        y = 20 + STEP * i
        a, b = offset + slope * row["rank_low"], offset + slope * row["rank_high"]
        parts.append(
            f'<g><text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{short(row["name"])}</text>'
            f'<line class="rx-band" x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}"/>'
            f'<circle class="rx-dot" cx="{a:.1f}" cy="{y}" r="3"/><circle class="rx-dot" cx="{b:.1f}" cy="{y}" r="3"/></g>'
        )
    about = "From the best to the worst rank that the tests leave open; where two ranges overlap, neither model is shown to be better."
    return figure("ranks", "Range of ranks", about, bottom + 24, "".join(parts))


def scatters(table: Mapping[str, Any]) -> str:
    """The primary metric against every other one; the first is open, the rest fold out."""
    metrics = {m["key"]: m for m in table["metrics"]}
    primary = metrics.get(table["primary"])
    others = [m for k, m in metrics.items() if k != table["primary"]]
    others.sort(key=lambda m: m["key"] != "green")
    made = [s for m in others if primary for s in (_scatter(table, primary, m),) if s]
    if not made:
        return ""
    rest = "".join(made[1:])
    more = f"<details data-rx-more><summary>Against the other metrics</summary>{rest}</details>\n"
    return made[0] + (more if rest else "")


def _scatter(table: Mapping[str, Any], across: Mapping[str, Any], up: Mapping[str, Any]) -> str:
    a, b = across["key"], up["key"]
    rows = [r for r in table["rows"] if a in r["metrics"] and b in r["metrics"]]
    if len(rows) < 2:
        return ""
    xs, ys = ([r["metrics"][k]["mean"] for r in rows] for k in (a, b))
    height, top, left, bottom = 340, 20, 70, 290
    sx, ox = scale(min(xs), max(xs), left + 20, WIDTH - 40)
    sy, oy = scale(min(ys), max(ys), bottom - 14, top + 10)
    parts = [_vertical_axis(ticks(min(xs), max(xs)), sx, ox, bottom)]
    parts += [
        f'<line class="rx-axis" x1="{left}" x2="{WIDTH - 20}" y1="{oy + sy * v:.1f}" y2="{oy + sy * v:.1f}"/>'
        f'<text x="{left - 8}" y="{oy + sy * v + 4:.1f}" text-anchor="end">{tick_text(v)}</text>'
        for v in ticks(min(ys), max(ys))
    ]
    for i, (row, x, y) in enumerate(zip(rows, xs, ys, strict=True), 1):
        px, py = ox + sx * x, oy + sy * y
        label = f"{short(row['name'], 60)}: {number(x)}, {number(y)}"
        parts.append(
            f'<g><title>{label}</title><circle class="rx-dot" cx="{px:.1f}" cy="{py:.1f}" r="4.5"/>'
            f'<text x="{px + 7:.1f}" y="{py - 5:.1f}">{i}</text></g>'
        )
    parts.append(
        f'<text x="{(left + WIDTH) / 2:.0f}" y="{height - 8}" text-anchor="middle">{text(across["title"])}</text>'
    )
    names = "; ".join(f"{i} {' '.join(str(r['name']).split())[:40]}" for i, r in enumerate(rows, 1))
    ways = ", ".join(
        f"{m['title']}: {'higher' if m['higher_is_better'] else 'lower'} is better" for m in (up, across)
    )
    title = f"{up['title']} (upwards) against {across['title']} (across), means"
    return figure(f"scatter-{b}", title, f"{ways}. Numbers: {names}.", height, "".join(parts))


def progress(table: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """The best primary mean so far, by date of entry; empty with fewer than two dates.

    A date is that of the model's first line for this board in the history, else of its submission.
    """
    metric = next((m for m in table["metrics"] if m["key"] == table["primary"]), None)
    first: dict[str, str] = {}
    for line in history:
        if (line.get("dataset"), line.get("track")) == (table["dataset"], table["track"]):
            first.setdefault(str(line.get("id")), str(line.get("date"))[:10])
    found = sorted(
        (day[:10], r["metrics"][table["primary"]]["mean"], str(r["name"]))
        for r in table["rows"]
        for day in (first.get(r["id"]) or r["submitted"],)
        if day and table["primary"] in r["metrics"]
    )
    days = sorted({f[0] for f in found})
    if metric is None or len(days) < 2:
        return ""
    higher = metric["higher_is_better"]
    best: list[tuple[str, float, str]] = []
    for entry in found:
        if not best or (entry[1] > best[-1][1] if higher else entry[1] < best[-1][1]):
            best.append(entry)
    about = f"{measured_on(metric)} Dots are entries, the line the best so far: " + "; ".join(
        f"{day} {name[:40]} {number(mean)}" for day, mean, name in best
    )
    return figure("progress", "Best score over time", f"{about}.", 260, _steps(found, best, days))


def _steps(
    found: Sequence[tuple[str, float, str]], best: Sequence[tuple[str, float, str]], days: Sequence[str]
) -> str:
    from datetime import date

    at = {d: date.fromisoformat(d).toordinal() for d in days}
    sx, ox = scale(at[days[0]], at[days[-1]], 80, WIDTH - 30)
    means = [f[1] for f in found]
    sy, oy = scale(min(means), max(means), 205, 20)
    path, last = "", oy
    for i, (day, mean, _) in enumerate(best):
        x, y = ox + sx * at[day], oy + sy * mean
        path += f"M{x:.1f} {y:.1f}" if not i else f"H{x:.1f}V{y:.1f}"
        last = y
    dots = "".join(
        f'<circle class="rx-dot" cx="{ox + sx * at[d]:.1f}" cy="{oy + sy * m:.1f}" r="4"><title>{short(n, 60)}: {number(m)}</title></circle>'
        for d, m, n in found
    )
    axis = "".join(
        f'<line class="rx-axis" x1="72" x2="{WIDTH - 20}" y1="{oy + sy * v:.1f}" y2="{oy + sy * v:.1f}"/>'
        f'<text x="64" y="{oy + sy * v + 4:.1f}" text-anchor="end">{tick_text(v)}</text>'
        for v in ticks(min(means), max(means), 4)
    )
    ends = f'<text x="80" y="240">{days[0]}</text><text x="{WIDTH - 30}" y="240" text-anchor="end">{days[-1]}</text>'
    return f'{axis}<path class="rx-steps" d="{path}H{WIDTH - 30}"/>{dots}{ends}' if last is not None else ""
