"""The list of models: one row each, one column per dataset, withdrawn models last; below it ReXrank's reported rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import all_tracks
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.reported import ReportedRow, cost_of, ranked_by
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table_files import rank_text
from evaluator.site.board.reported_table import newest
from evaluator.site.content import Content, Entry
from evaluator.site.template import render
from evaluator.site.views import Link
from evaluator.site.words import TRACK_TITLES, inputs_of


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ranks: a board, or all datasets of a track."""

    title: str
    address: str
    track: str


@dataclass(frozen=True, slots=True)
class Block:
    """The columns of one track."""

    track: str
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A rank in words, the value to sort by (empty sorts last), its track, and whether it is among the best."""

    words: str
    sort: str
    track: str
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A model: what it is, and its place in every column."""

    id: str
    name: str
    address: str
    institution: str
    year: str
    inputs: str
    views: str
    context: str
    is_open: bool
    status: str
    date: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Models and their places."""

    caption: str
    blocks: tuple[Block, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The models scored here, and those in ReXrank's newest `snapshot`."""

    own: Table | None
    reported: Table | None
    snapshot: str
    page: Link


def models_index(content: Content) -> str:
    """The list of models as Markdown."""
    snapshot = max((r.snapshot for r in content.reported), default="")
    view = Index(
        own=_own(content) if content.models else None,
        reported=_reported(content.reported) if content.reported else None,
        snapshot=snapshot,
        page=Link("What ReXrank reported", "../leaderboards/reported/"),
    )
    return render("model/index.md", view=view)


def _own(content: Content) -> Table:
    """Every scored model, best first in the first column; the synthetic datasets last."""
    order = {d: (get_dataset(d).synthetic, i) for i, d in enumerate(dataset_ids())}
    entered = {(t.dataset, t.track) for entries in content.models.values() for t, _, _ in entries}
    blocks = []
    for track in all_tracks():
        # tie: none, a dataset appears once
        boards = sorted((d for d, t in entered if t == track), key=order.__getitem__)
        columns = [Column(get_dataset(d).title, f"../leaderboards/{d}/{track}/", track) for d in boards]
        if _is_ranked_overall(track, content):
            columns.insert(0, Column("Overall", f"../leaderboards/overall/#{track}", track))
        if columns:
            blocks.append((track, boards, Block(track, _title(track), tuple(columns))))
    rows = [
        _line(name, entries, [(t, b) for t, b, _ in blocks], content)
        for name, entries in content.models.items()
    ]
    # tie: the id
    rows.sort(key=lambda r: (r.status == "withdrawn", _first(r), r.name.casefold(), r.id))
    return Table("Models and their ranks", tuple(b for _, _, b in blocks), tuple(rows))


def _is_ranked_overall(track: str, content: Content) -> bool:
    """Whether any model has an overall rank in a track."""
    return any(r.rank_low is not None for k, t in content.overall.items() if k == track for r in t.rows)


def _title(track: str) -> str:
    return TRACK_TITLES.get(track, track).capitalize()


def _first(row: Line) -> float:
    return float(row.places[0].sort or math.inf) if row.places else math.inf


def _line(
    name: str, entries: Sequence[Entry], blocks: Sequence[tuple[str, Sequence[str]]], content: Content
) -> Line:
    first = entries[0].row
    rows = {(t.dataset, t.track): r for t, r, _ in entries}
    places: list[Place] = []
    for track, boards in blocks:
        if _is_ranked_overall(track, content):
            places.append(_overall(name, track, content))
        places += [_place(rows.get((d, track)), track) for d in boards]
    return Line(
        id=name,
        name=first.name,
        address=f"{name}/",
        institution=first.institution or "",
        year=str(first.year or ""),
        inputs=inputs_of(first.inputs),
        views=first.inputs.views or "",
        context=first.inputs.context or "",
        is_open=first.open_weights,
        status=first.status,
        date=max((r.submitted or "" for r in rows.values()), default=""),
        places=tuple(places),
    )


def _place(row: Row | None, track: str) -> Place:
    if row is None:
        return Place("", "", track)
    if row.status == "withdrawn":
        return Place("withdrawn", "", track)
    if row.rank_low is None:
        return Place("not ranked", "", track)
    return Place(rank_text(row), f"{row.rank_low}", track, is_best=row.tied_with_best)


def _overall(name: str, track: str, content: Content) -> Place:
    table = next(t for key, t in content.overall.items() if key == track)
    for number, row in enumerate(table.rows, 1):
        if row.id == name and row.rank_low is not None:
            words = range_text(row.rank_low, row.rank_high)
            return Place(words, f"{number}", track, is_best=row.tied_with_best)
    return Place("", "", track)


def _reported(rows: Sequence[ReportedRow]) -> Table:
    """The newest rows of every board: each model's position by the ranking metric among the reported rows."""
    datasets, tracks = list(dataset_ids()), list(all_tracks())
    # tie: none, a board appears once
    boards = sorted(
        {(r.track, r.dataset) for r in rows}, key=lambda b: (tracks.index(b[0]), datasets.index(b[1]))
    )
    positions: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    latest: list[ReportedRow] = []
    for board in boards:
        here = newest([r for r in rows if (r.track, r.dataset) == board])
        latest += here
        key = ranked_by(here)
        ranked = [r for r in here if math.isfinite(cost_of(r, key))]
        positions[board] = {(r.model, r.institution): n for n, r in enumerate(ranked, 1)}
    blocks = tuple(
        Block(
            track,
            _title(track),
            tuple(
                Column(get_dataset(d).title, f"../leaderboards/{d}/{track}/#reported", track)
                for t, d in boards
                if t == track
            ),
        )
        for track in dict.fromkeys(t for t, _ in boards)
    )
    models = {(r.model, r.institution): r for r in latest}
    lines = [
        Line(
            id="", name=model, address="", institution=institution, year=row.year, inputs="", views="",
            context="", is_open=False, status="reported", date=row.snapshot,
            places=tuple(_position(positions[b].get((model, institution)), b[0]) for b in boards),
        )
        for (model, institution), row in models.items()
    ]  # fmt: skip
    # tie: the institution
    lines.sort(key=lambda r: (_first(r), r.name.casefold(), r.institution))
    return Table("Models reported by ReXrank", blocks, tuple(lines))


def _position(number: int | None, track: str) -> Place:
    return Place("" if number is None else f"{number}", "" if number is None else f"{number}", track)
