"""Small figures of a model page: the position of a score, and the spread over studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.core.counts import count_text
from evaluator.leaderboard.row import MetricCell
from evaluator.leaderboard.table import Column
from evaluator.site.board.charts import scale, tick_text
from evaluator.site.words import number

BINS: Final = 24
STRIP: Final = (180, 26)
HISTOGRAM: Final = (220, 84)


@dataclass(frozen=True, slots=True)
class Strip:
    """Positions of a model, the board's best and the best baseline on a line, in pixels; empty for what is missing.

    `best` is the path of its diamond. Better is to the right.
    """

    label: str
    width: int
    height: int
    middle: float
    own: str
    low: str = ""
    high: str = ""
    best: str = ""
    null: str = ""


@dataclass(frozen=True, slots=True)
class Upright:
    """A line across a histogram: the model's `median`, or the `usual` one of the board."""

    kind: str
    x: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """The spread of one metric over studies: a path of bars on `base`, lines, the ends of the axis, and words."""

    title: str
    label: str
    width: int
    height: int
    base: int
    bars: str
    lines: tuple[Upright, ...]
    first: str
    last: str
    median: str
    spread: str


def strip(metric: Column, own: MetricCell, best: MetricCell | None, null: MetricCell | None) -> Strip:
    """A model's mean and interval on one line with the board's best and the best baseline.

    `own`, `best`, `null` are metric entries (the latter two may be `None`). Better is to the right.
    """
    cells = [e for e in (own, best, null) if e is not None]
    ends = [metric.drawn(v) for e in cells for v in (e.low, e.mean, e.high) if v is not None]
    width, height = STRIP
    left, right = (8, width - 8) if metric.drawn_higher else (width - 8, 8)
    slope, offset = scale(min(ends), max(ends), left, right)
    middle = height / 2

    def x(value: float) -> str:
        return f"{offset + slope * metric.drawn(value):.1f}"

    words = [f"{'skill' if metric.skill else 'mean'} {number(metric.drawn(own.mean))}"]
    words += [f"best on the board {number(metric.drawn(best.mean))}"] if best is not None else []
    words += [f"best baseline {number(metric.drawn(null.mean))}"] if null is not None else []
    known = own.low is not None and own.high is not None
    return Strip(
        label=f"{metric.title}: {', '.join(words)}",
        width=width,
        height=height,
        middle=middle,
        own=x(own.mean),
        low=x(own.low) if known and own.low is not None else "",
        high=x(own.high) if known and own.high is not None else "",
        best="" if best is None else _diamond(offset + slope * metric.drawn(best.mean), middle),
        null="" if null is None else x(null.mean),
    )


def _diamond(x: float, y: float) -> str:
    return f"M{x - 5:.1f} {y}L{x:.1f} {y - 6}L{x + 5:.1f} {y}L{x:.1f} {y + 6}Z"


def histogram(title: str, values: Sequence[float], usual: float | None = None) -> Histogram | None:
    """The distribution of one metric's per-study scores, with their median and the board's `usual` one.

    `None` without a value.
    """
    sample = np.asarray([v for v in values if v is not None and np.isfinite(v)], dtype=np.float64)
    if not sample.size:
        return None
    low, high = float(sample.min()), float(sample.max())
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    width, height = HISTOGRAM
    base = height - 18
    slope, offset = scale(low, high, 6, width - 6)
    median = float(np.median(sample))
    lines = [Upright("median", f"{offset + slope * median:.1f}")]
    if usual is not None and low <= usual <= high:
        lines.append(Upright("usual", f"{offset + slope * usual:.1f}"))
    quarter, rest = (float(q) for q in np.quantile(sample, [0.25, 0.75]))
    spread = f"interquartile range {number(quarter)} to {number(rest)}"
    label = f"{title}: {count_text(sample.size, 'study', 'studies')}, median {number(median)}, {spread}"
    return Histogram(
        title=title,
        label=label if usual is None else f"{label}; median of the board's medians {number(usual)}",
        width=width,
        height=height,
        base=base,
        bars=_bars(np.histogram(sample, bins=BINS, range=(low, high))[0].tolist(), width, base),
        lines=tuple(lines),
        first=_end(low),
        last=_end(high),
        median=f"median {number(median)}" + ("" if usual is None else f", board {number(usual)}"),
        spread=spread,
    )


def _bars(counts: Sequence[int], width: int, base: int) -> str:
    step = (width - 12) / BINS
    return "".join(
        f"M{6 + i * step:.1f} {base}v-{c / max(counts) * (base - 6):.1f}h{step - 1:.1f}V{base}Z"
        for i, c in enumerate(counts)
        if c
    )


def _end(value: float) -> str:
    """An end of a histogram, with two decimals at most."""
    return tick_text(round(value, 2) + 0.0)
