"""The current best models: the first rows overall and on each dataset, and the models at each place.

A board without rows of its own shows the newest rows that ReXrank reported, marked as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.datasets.registry import Dataset
from evaluator.leaderboard.overall_reported import ReportedOverall, rank_words, reported_overall
from evaluator.leaderboard.overall_table import OverallRow, OverallTable, range_text
from evaluator.leaderboard.reported import ranked_by
from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of, rank_text
from evaluator.site.board.cells import bar_of, bar_scale, best_null, shown_parts
from evaluator.site.board.reported_table import newest
from evaluator.site.board.verdict import Answer, answers
from evaluator.site.content import Content
from evaluator.site.overall import answers as overall_answers
from evaluator.site.overall import rank_bar
from evaluator.site.reported import REPORTED_TITLES
from evaluator.site.views import Bar
from evaluator.site.words import TRACK_TITLES, number, size_text

PLACES: Final = 5
"""Number of rows in every list."""
NOT_OURS: Final = "Reported by ReXrank, not re-scored"


@dataclass(frozen=True, slots=True)
class Leader:
    """A row of *Best now*: rank range, model, institution, and a bar; `value` if there is a number."""

    rank: str
    name: str
    address: str = ""
    external: bool = False
    about: str = ""
    value: str = ""
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """The first rows of one board, or over all datasets; `reported`: they are ReXrank's own."""

    key: str
    title: str
    answers: tuple[Answer, ...]
    measure: str
    rows: tuple[Leader, ...]
    reported: bool
    address: str
    more: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A model at a place, with its rank range."""

    name: str
    rank: str
    address: str = ""
    external: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A dataset's first places; `None` if there are fewer models."""

    title: str
    address: str
    size: str
    models: str
    reported: bool
    places: tuple[Holder | None, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Places by dataset, in one track of a task."""

    key: str
    title: str
    columns: tuple[Column, ...]

    @property
    def places(self) -> range:
        """The places shown."""
        return range(1, PLACES + 1)

    @property
    def any_reported(self) -> bool:
        """Whether a column shows rows that ReXrank reported."""
        return any(c.reported for c in self.columns)


def best_now(datasets: Sequence[Dataset], content: Content) -> tuple[Panel, ...]:
    """The first rows over all datasets, then of each, in the first track that has any."""
    real = [d for d in datasets if not d.synthetic]
    tracks = [list(_panels(real, t, content)) for t in dict.fromkeys(t for d in real for t in d.tracks)]
    own = [panels for panels in tracks if any(not p.reported for p in panels)]
    return tuple(next(iter(own or [panels for panels in tracks if panels]), ()))


def _panels(datasets: Sequence[Dataset], track: str, content: Content) -> Iterator[Panel]:
    table = content.overall.get(track)
    overall = reported_overall(content.reported, track, content.setting)
    if table and any(r.rank_low is not None for r in table.rows):
        yield _overall(table, content)
    elif overall and not any(content.tables.get((d.id, track)) for d in datasets):
        yield _overall_reported(overall, track)
    for dataset in datasets:
        if track in dataset.tracks and (panel := _panel(dataset, track, content)):
            yield panel


def _overall(table: OverallTable, content: Content) -> Panel:
    last = max((r.rank_high or 1) for r in table.rows)
    return Panel(
        key=f"overall-{table.track}",
        title="All datasets",
        answers=overall_answers(table),
        measure=f"overall rank range, 1 to {last}",
        rows=tuple(_overall_leader(r, content, last) for r in table.rows[:PLACES]),
        reported=False,
        address=f"leaderboards/overall/#{table.track}",
        more="Full overall ranking",
    )


def _overall_leader(row: OverallRow, content: Content, last: int) -> Leader:
    entries = content.models.get(row.id, [])
    about = entries[0].row.institution or "" if entries else ""
    rank = range_text(row.rank_low, row.rank_high)
    return Leader(
        rank, row.name, f"models/{row.id}/" if entries else "", about=about, bar=rank_bar(row, last)
    )


def _overall_reported(overall: ReportedOverall, track: str) -> Panel:
    rows = tuple(
        Leader(rank_words(p.place or 0), p.model, about=p.institution, value=f"{p.mean_rank:.1f}")
        for p in overall.complete[:PLACES]
    )
    answer = Answer(f"{NOT_OURS}:", "ordered by mean rank, without intervals; ties are unknown.")
    return Panel(
        key=f"overall-{track}",
        title="All datasets",
        answers=(answer,),
        measure=f"mean rank across {count_text(len(overall.datasets), 'dataset')}",
        rows=rows,
        reported=True,
        address=f"leaderboards/overall/#reported-{track}",
        more=f"All {len(overall.complete)} models",
    )


def _panel(dataset: Dataset, track: str, content: Content) -> Panel | None:
    table = content.tables.get((dataset.id, track))
    if table and table.rows:
        return _measured(table)
    rows = newest([r for r in content.reported if (r.dataset, r.track) == (dataset.id, track)])
    if not rows:
        return None
    key = ranked_by(rows)
    answer = Answer(f"{NOT_OURS}:", f"ReXrank's snapshot of {rows[0].snapshot}, without intervals.")
    leaders = tuple(
        Leader(
            f"{i}",
            r.model,
            r.link,
            external=True,
            about=r.institution,
            value=number(r.values.get(key) or 0),
        )
        for i, r in enumerate(rows[:PLACES], 1)
        if r.values.get(key)
    )
    return Panel(
        key=f"{dataset.id}-{track}",
        title=dataset.title,
        answers=(answer,),
        measure=REPORTED_TITLES[key],
        rows=leaders,
        reported=True,
        address=f"leaderboards/{dataset.id}/{track}/",
        more=f"All {len(rows)} models",
    )


def _measured(table: Table) -> Panel:
    metric = table.ranked_by
    rows = table.rows[:PLACES]
    leaders = tuple(_leader(r, table) for r in rows)
    n = len(table.rows)
    return Panel(
        key=f"{table.dataset}-{table.track}",
        title=table.title,
        answers=answers(table),
        measure=f"{metric.display_title}, 95 % interval" if metric else "",
        rows=leaders,
        reported=False,
        address=f"leaderboards/{table.dataset}/{table.track}/",
        more=f"Full board: {count_text(n, 'model')}",
    )


def _leader(row: RankedRow, table: Table) -> Leader:
    metric = table.ranked_by
    address, about = f"models/{row.id}/", row.institution or ""
    entry = row.metrics.get(table.primary)
    if metric is None or entry is None:
        return Leader(rank_text(row), row.name, address, about=about)
    digits = digits_of(table.step)
    over = bar_scale((*table.rows[:PLACES], *table.nulls), metric)
    bar = bar_of(metric, entry, over, best_null(table, metric), digits, filled=row.tied_with_best)
    return Leader(
        rank_text(row), row.name, address, about=about, value=shown_parts(entry, digits)[0], bar=bar
    )


def matrices(datasets: Sequence[Dataset], content: Content, root: str) -> tuple[Matrix, ...]:
    """The places of every track, over the real datasets that have it."""
    real = [d for d in datasets if not d.synthetic]
    tracks = dict.fromkeys((d.task, t) for d in real for t in d.tracks)
    return tuple(
        Matrix(
            f"{task}-{track}",
            TRACK_TITLES.get(track, track).capitalize(),
            tuple(_column(d, track, content, root) for d in real if d.task == task and track in d.tracks),
        )
        for task, track in tracks
    )


def _column(dataset: Dataset, track: str, content: Content, root: str) -> Column:
    table = content.tables.get((dataset.id, track))
    reported = [r for r in content.reported if (r.dataset, r.track) == (dataset.id, track)]
    holders: list[Holder | None]
    if table and table.rows:
        holders = [Holder(r.name, rank_text(r), f"{root}models/{r.id}/") for r in table.rows[:PLACES]]
        models = len(table.rows)
    else:
        rows = newest(reported)
        holders = [Holder(r.model, "", r.link, external=True) for r in rows[:PLACES]]
        models = len(rows)
    return Column(
        title=dataset.title,
        address=f"{root}leaderboards/{dataset.id}/{track}/",
        size=size_text(dataset, track, table),
        models=count_text(models, "model") if models else "no model yet",
        reported=bool(reported) and not (table and table.rows),
        places=tuple([*holders, *([None] * PLACES)][:PLACES]),
    )
