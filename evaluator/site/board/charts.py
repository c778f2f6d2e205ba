"""What the figures of a board share: scales, lines and points, as inline SVG without scripts, in the page's colours.

Horizontal positions are in percent and vertical ones in pixels, so that a figure fills any width and its text
keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.leaderboard.table import Column


@dataclass(frozen=True, slots=True)
class Level:
    """A line across a figure, the place of the value above its left end, and the value."""

    at: str
    above: str
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a figure, what it represents, and the link to its model."""

    x: str
    y: str
    filled: bool
    words: str
    address: str


def scale(low: float, high: float, start: float, end: float) -> tuple[float, float]:
    """Slope and offset that map [low, high] to [start, end]; a single value goes in the middle."""
    if high <= low:
        return 0.0, (start + end) / 2
    slope = (end - start) / (high - low)
    return slope, start - slope * low


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values within [low, high], about `count` of them, and at least three if there is room.

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
    """The scale on which a figure draws `metric`, and which direction is better."""
    better = "higher" if metric.drawn_higher else "lower"
    if metric.skill:
        return (
            f"{better.capitalize()} is better; 0 means nothing is right. The tests use mean {metric.title}."
        )
    if not metric.reciprocal:
        return f"{better.capitalize()} is better."
    return f"Drawn on the scale the tests use, mean {metric.title}, where {better} is better; the table shows {metric.display_title}, which is undefined at 0."


def levels(values: Sequence[float], slope: float, offset: float) -> tuple[Level, ...]:
    """Lines across the figure at these values."""
    return tuple(
        Level(f"{offset + slope * v:.1f}", f"{offset + slope * v - 4:.1f}", tick_text(v)) for v in values
    )
