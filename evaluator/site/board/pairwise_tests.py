"""Pairwise tests: the matrix of paired tests, one row per model, with the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import PairTest, Standing, Table
from evaluator.site.board.charts import scale
from evaluator.site.board.row_charts import Tick, axis, rank_ticks
from evaluator.site.template import render
from evaluator.statistics.rounding import p_text

ALPHA: Final = 0.05
TITLES: Final[Mapping[Standing, str]] = {
    "better": "better than",
    "better_by_less": "better, but within the equivalence margin, than",
    "open": "statistically tied with",
    "worse_by_less": "worse, but within the equivalence margin, than",
    "worse": "worse than",
}
BLOCKS: Final[Mapping[Standing, tuple[str, float, float]]] = {
    "better": ("rx-better", 0.12, 0.76),
    "better_by_less": ("rx-better", 0.12, 0.14),
    "worse_by_less": ("rx-worse", 0.74, 0.14),
    "worse": ("rx-worse", 0.5, 0.38),
}
"""Class, top and height of the block for an outcome, in shares of the row's height."""


@dataclass(frozen=True, slots=True)
class Block:
    """The block for the models with one outcome: a class, and an SVG path in models by row height."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Line:
    """A model against all others: drawn, in words, and counted."""

    place: int
    name: str
    words: str
    blocks: tuple[Block, ...]
    better: int
    better_by_less: int
    open: str
    worse: int
    worse_by_less: int
    p: str


@dataclass(frozen=True, slots=True)
class View:
    """The matrix of paired tests, one row a model."""

    about: str
    ticks: tuple[Tick, ...]
    rows: tuple[Line, ...]


def pairwise_tests(table: Table) -> str:
    """The matrix of paired tests, one row per model, and the same in words; empty with fewer than two models."""
    rows = table.rows
    metric = table.ranked_by
    if len(rows) < 2 or not table.pairs or metric is None:
        return ""
    n = len(rows)
    tests = {frozenset((p.a, p.b)): p for p in table.pairs}
    columns = scale(1, n, 50 / n, 100 - 50 / n)
    band = metric.equivalence
    about = (
        "Read across a row: a tall blue block means that this model is better than the one with that number, a short orange block that it is worse, a gap that the two are statistically tied. "
        + (
            f"A thin block is a significant difference smaller than {band:g}, the margin within which models count as equivalent by convention; it does not separate ranks. "
            if band
            else ""
        )
        + f"Paired tests on {metric.title}, clustered by patient and adjusted for all {n * (n - 1) // 2} pairs on the board, at p < {ALPHA}."
    )
    lines = tuple(_line(i, rows, tests, classes=table.p_classes) for i in range(n))
    return render("board/pairwise.html", view=View(about, axis(rank_ticks(n), columns), lines))


def _line(
    i: int, rows: Sequence[RankedRow], tests: Mapping[frozenset[str], PairTest], *, classes: bool
) -> Line:
    """The row of one model: drawing, counts and the models that the test does not separate."""
    row, n = rows[i], len(rows)
    places: dict[Standing, list[int]] = {s: [] for s in get_args(Standing)}
    for j, other in enumerate(rows):
        pair = tests.get(frozenset((row.id, other.id)))
        if j != i and pair is not None:
            places[pair.standing(row.id)].append(j)
    following = tests.get(frozenset((row.id, rows[i + 1].id))) if i + 1 < n else None
    words = "; ".join(
        f"{title} {_places(places[s])}" for s, title in TITLES.items() if places[s] or not s.endswith("less")
    )
    blocks = [_block(name, places[s], top, height) for s, (name, top, height) in BLOCKS.items()]
    return Line(
        place=i + 1,
        name=row.name,
        words=f"{row.name}: {words}",
        blocks=tuple(b for b in (*blocks, _block("rx-self", [i], 0.4, 0.2)) if b.path),
        better=len(places["better"]),
        better_by_less=len(places["better_by_less"]),
        open=_places(places["open"]),
        worse=len(places["worse"]),
        worse_by_less=len(places["worse_by_less"]),
        p="–" if following is None else p_text(following.p, classes=classes),
    )


def _spans(places: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending positions as runs of neighbours, both ends included."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _block(kind: str, places: Sequence[int], top: float, height: float) -> Block:
    return Block(kind, "".join(f"M{a} {top}h{b - a + 1}v{height}h-{b - a + 1}z" for a, b in _spans(places)))


def _places(places: Sequence[int]) -> str:
    """Numbers of models, counted from 1, with runs of neighbours merged.

    >>> _places([0, 1, 2, 4])
    '1–3, 5'
    """
    return ", ".join(f"{a + 1}" if a == b else f"{a + 1}–{b + 1}" for a, b in _spans(places)) or "none"
