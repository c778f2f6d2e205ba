"""The rows that ReXrank reported, on a board without rows of its own: positions count only among these rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from evaluator.core.counts import count_text
from evaluator.datasets.registry import Dataset
from evaluator.leaderboard.reported import RANKED_BY, ReportedRow, cost_of, ranked_by
from evaluator.site.board.cells import Cell
from evaluator.site.board.columns import Head, summary_of
from evaluator.site.board.latex import CITE
from evaluator.site.board.table import BoardTable, Choice, Group, Line
from evaluator.site.reported import REPORTED_TITLES
from evaluator.site.views import Number
from evaluator.site.words import TRACK_TITLES, number
from evaluator.statistics.ties import by_cost

MARKED: Final = "reported by ReXrank, not re-scored"


def newest(rows: Sequence[ReportedRow]) -> list[ReportedRow]:
    """The rows of the newest snapshot, in ReXrank's order."""
    snapshot = max((r.snapshot for r in rows), default="")
    latest = sorted(
        (r for r in rows if r.snapshot == snapshot), key=lambda r: r.model
    )  # tie: none, names differ
    key = ranked_by(latest)
    ranked = [r for r in latest if math.isfinite(cost_of(r, key))]
    return by_cost(ranked, [cost_of(r, key) for r in ranked]) + [r for r in latest if r not in ranked]


def reported_view(rows: Sequence[ReportedRow], dataset: Dataset, track: str, root: str) -> BoardTable:
    """The newest snapshot of a board as its table."""
    latest = newest(rows)
    first = ranked_by(latest)
    keys = [k for k in REPORTED_TITLES if any(r.values.get(k) is not None for r in latest)]
    title = f"{dataset.title}, {track}"
    words = f"{MARKED}, snapshot of {latest[0].snapshot}"
    n = len(latest)
    return BoardTable(
        title=title,
        caption=f"{dataset.title}, {TRACK_TITLES.get(track, track)}: {words}",
        name=f"{dataset.id}.{track}",
        root=root,
        heads=tuple(_head(k, root, first) for k in keys),
        groups=(Group("rows", "", tuple(_line(r, i, keys, first) for i, r in enumerate(latest))),),
        facts=False,
        count=f"{count_text(n, 'model')} {words}",
        reported=True,
        presets=(Choice("", "all metrics"), Choice("ranking", "ranking metric only")),
        cite=CITE,
    )


def _head(key: str, root: str, first: str) -> Head:
    metric = key.removesuffix("_reciprocal")
    about = summary_of(metric)
    if metric != key:
        about += f" ReXrank prints the reciprocal of its mean{', which it ranks by' if key == first else ''}."
    return Head(
        key=key,
        name=key,
        label=REPORTED_TITLES[key],
        arrow="↑",
        better="low" if metric != key else "high",
        about=about.strip(),
        address=f"{root}metrics/{metric}/",
        sets="usual",
        headline=key == first,
        spans=False,
    )


def _line(row: ReportedRow, place: int, keys: Sequence[str], first: str) -> Line:
    about = " · ".join(v for v in (row.institution, row.year) if v)
    return Line(
        id=row.model,
        name=row.model,
        kind="reported",
        rank=f"{place + 1}" if math.isfinite(cost_of(row, first)) else "",
        place=place,
        cells=tuple(_cell(row, k) for k in keys),
        address=row.link,
        external=True,
        about=about,
    )


def _cell(row: ReportedRow, key: str) -> Cell:
    """A published number; a reciprocal sorts by the mean behind it."""
    value = row.values.get(key)
    if value is None:
        return Cell(Number())
    wrong = key == RANKED_BY[0] and row.contradicts_itself
    notes = (f"{number(row.from_parts)} from its components",) if wrong and row.from_parts is not None else ()
    sort = repr(1 / value) if key.endswith("_reciprocal") and value else repr(value)
    return Cell(Number(number(value), notes=notes, sort=sort), wrong=wrong)
