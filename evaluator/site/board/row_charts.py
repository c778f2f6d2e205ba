"""What tables with a drawing in every row share.

Every row has its own small inline SVG with positions in percent, so that text stays legible at any width, and
the same in words: the table is the figure's data table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.site.board.charts import tick_text, ticks

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label above a column of drawings, and its horizontal position."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Grid:
    """The lines that every drawing of a column shows, kept once under the id `name`; `null`: the best baseline."""

    name: str
    lines: tuple[str, ...]
    null: str | None = None


def grid_of(name: str, values: Sequence[float], over: Scale, null: float | None = None) -> Grid:
    """Lines at `values`, and one at the best baseline's mean if known."""
    return Grid(name, tuple(at(v, over) for v in values), None if null is None else at(null, over))


def at(value: float, over: Scale) -> str:
    """The horizontal position of a value in a row, in percent."""
    return f"{over[1] + over[0] * value:.2f}%"


def axis(values: Sequence[float], over: Scale) -> tuple[Tick, ...]:
    """The labels above a column of rows."""
    return tuple(Tick(at(v, over), tick_text(v)) for v in values)


def rank_ticks(last: int) -> list[float]:
    """Some of the ranks from 1 to `last`, both included."""
    inner = [t for t in ticks(1, last, 5) if t == int(t) and 1 < t <= last - last / 12]
    return [1, *inner, last] if last > 1 else [1]
