"""Small figures of a model page as inline SVG: where a score stands, and how its studies spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from evaluator.leaderboard.row import MetricCell
from evaluator.leaderboard.table import Column
from evaluator.site.board.charts import scale, tick_text
from evaluator.site.html import number, text

BINS: Final = 24
STRIP: Final = (180, 26)
HISTOGRAM: Final = (220, 84)


def strip(metric: Column, own: MetricCell, best: MetricCell | None, null: MetricCell | None) -> str:
    """A model's mean and interval on one line with the board's best and the best baseline.

    `own`, `best`, `null` are metric entries (the latter two may be `None`). Better is to the right.
    """
    found = [e for e in (own, best, null) if e is not None]
    ends = [metric.drawn(v) for e in found for v in (e.low, e.mean, e.high) if v is not None]
    width, height = STRIP
    left, right = (8, width - 8) if metric.drawn_higher else (width - 8, 8)
    slope, offset = scale(min(ends), max(ends), left, right)
    middle = height / 2

    def x(value: float) -> str:
        return f"{offset + slope * metric.drawn(value):.1f}"

    parts = [f'<line class="rx-axis" x1="4" x2="{width - 4}" y1="{middle}" y2="{middle}"/>']
    if null is not None:
        parts.append(
            f'<line class="rx-nullmark" x1="{x(null.mean)}" x2="{x(null.mean)}" y1="3" y2="{height - 3}"/>'
        )
    if best is not None:
        a = offset + slope * metric.drawn(best.mean)
        parts.append(
            f'<path class="rx-bestmark" d="M{a - 5:.1f} {middle}L{a:.1f} {middle - 6}L{a + 5:.1f} {middle}L{a:.1f} {middle + 6}Z"/>'
        )
    if own.low is not None and own.high is not None:
        parts.append(
            f'<line class="rx-span" x1="{x(own.low)}" x2="{x(own.high)}" y1="{middle}" y2="{middle}"/>'
        )
    parts.append(f'<circle class="rx-dot" cx="{x(own.mean)}" cy="{middle}" r="4"/>')
    words = [f"{'skill' if metric.skill else 'mean'} {number(metric.drawn(own.mean))}"]
    words += [f"best of the board {number(metric.drawn(best.mean))}"] if best is not None else []
    words += [f"best baseline {number(metric.drawn(null.mean))}"] if null is not None else []
    label = f"{metric.title}: {', '.join(words)}"
    return f'<svg class="rx-strip" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{text(label)}">{"".join(parts)}</svg>'


def histogram(title: str, values: Sequence[float], usual: float | None = None) -> str:
    """How one metric's per-study scores spread, with their median and the board's `usual` one; empty without a value."""
    found = np.asarray([v for v in values if v is not None and np.isfinite(v)], dtype=np.float64)
    if not found.size:
        return ""
    low, high = float(found.min()), float(found.max())
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    counts, _ = np.histogram(found, bins=BINS, range=(low, high))
    width, height = HISTOGRAM
    base, step = height - 18, (width - 12) / BINS
    path = "".join(
        f"M{6 + i * step:.1f} {base}v-{c / counts.max() * (base - 6):.1f}h{step - 1:.1f}V{base}Z"
        for i, c in enumerate(counts)
        if c
    )
    slope, offset = scale(low, high, 6, width - 6)
    median = float(np.median(found))
    lines = _upright("rx-median", offset + slope * median, base)
    if usual is not None and low <= usual <= high:
        lines += _upright("rx-usual", offset + slope * usual, base)
    quarter, rest = (float(q) for q in np.quantile(found, [0.25, 0.75]))
    spread = f"median {number(median)}, middle half {number(quarter)} to {number(rest)}"
    label = f"{title}: {found.size} studies, {spread}"
    label += "" if usual is None else f"; median of the board's medians {number(usual)}"
    board = "" if usual is None else f", board {number(usual)}"
    return (
        f'<figure class="rx-hist"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(label)}">'
        f'<path class="rx-bars" d="{path}"/>{lines}'
        f'<text x="6" y="{height - 4}">{_end(low)}</text>'
        f'<text x="{width - 6}" y="{height - 4}" text-anchor="end">{_end(high)}</text></svg>'
        f"<figcaption>{text(title)}<small>median {number(median)}{board}</small>"
        f"<small>middle half {number(quarter)} to {number(rest)}</small></figcaption></figure>"
    )


def _upright(kind: str, x: float, base: float) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{base}"/>'


def _end(value: float) -> str:
    """An end of a histogram, with two decimals at most."""
    return tick_text(round(value, 2) + 0.0)
