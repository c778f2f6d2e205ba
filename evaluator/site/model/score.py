"""A number of a model page with its interval, in words."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.leaderboard.row import Display, Gain, MetricCell, NullTest
from evaluator.leaderboard.subgroup_types import Interval
from evaluator.site.words import number


@dataclass(frozen=True, slots=True)
class Score:
    """A value as shown, its interval in words and remarks; empty where unknown."""

    value: str = ""
    span: str = ""
    notes: tuple[str, ...] = ()


def score(cell: MetricCell | None) -> Score:
    """A metric as shown; if 1/mean has no meaning, the mean itself, and why."""
    if cell is None:
        return Score()
    display = cell.display
    if display.value is None:
        return Score(f"mean {number(cell.mean)}", interval(cell), ("at or below 0: 1/mean undefined",))
    return Score(number(display.value), interval(display), _beside(display))


def _beside(display: Display) -> tuple[str, ...]:
    """What is shown below a skill: the mean and 1/mean."""
    if display.mean is None:
        return ()
    reciprocal = display.reciprocal
    words = "1/mean is undefined at or below 0" if reciprocal is None else f"1/mean {number(reciprocal)}"
    return f"mean {number(display.mean)}", words


def interval(value: MetricCell | Display | Interval | Gain | NullTest) -> str:
    """The ends of an interval in words; empty if there are none."""
    low, high = value.low, value.high
    if low is None and high is None:
        return ""
    return f"{'−∞' if low is None else number(low)} to {'∞' if high is None else number(high)}"
