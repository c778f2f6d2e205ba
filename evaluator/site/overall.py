"""The page of the overall ranks: which model is best across all datasets, and what depends on a single one."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.core.counts import count_text
from evaluator.datasets.registry import TrackName, get_dataset
from evaluator.leaderboard.overall_reported import (
    ReportedOverall,
    ReportedPlace,
    rank_words,
    reported_overall,
)
from evaluator.leaderboard.overall_table import OverallRow, OverallTable, having, range_text
from evaluator.metrics.registry import get_metric
from evaluator.site.board.verdict import Answer, listed
from evaluator.site.content import Content
from evaluator.site.reported import REPORTED_TITLES
from evaluator.site.template import render
from evaluator.site.views import Bar
from evaluator.site.words import TRACK_TITLES, number


@dataclass(frozen=True, slots=True)
class Cell:
    """A place on one dataset, with a remark below it; `wrong` marks a row that contradicts itself."""

    words: str
    note: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the page's main table: cells before the model, the model, its places, and the cells after them."""

    name: str
    address: str
    about: str
    before: tuple[str, ...]
    middle: tuple[str, ...]
    places: tuple[Cell, ...]
    after: tuple[str, ...]
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A dataset's column head."""

    title: str
    address: str
    note: str


@dataclass(frozen=True, slots=True)
class Columns:
    """A block of columns."""

    title: str
    boards: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """A row of a smaller table."""

    name: str
    address: str
    about: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Smaller:
    """A table in a fold."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Plain, ...]
    legend: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file to download."""

    title: str
    address: str


@dataclass(frozen=True, slots=True)
class View:
    """What the template of one track shows."""

    caption: str
    rehearsal: bool
    answers: tuple[Answer, ...]
    blocks: tuple[Columns, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    rows: tuple[Line, ...]
    legend: str
    without: Smaller | None
    incomplete: Smaller | None
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A track's table, or ReXrank's own rows, and the datasets that count; `view` is `None` if no model is ranked."""

    anchor: str
    title: str
    track: str
    datasets: str
    view: View | None


@dataclass(frozen=True, slots=True)
class Page:
    """The page: its sections."""

    sections: tuple[Section, ...]


def overall_page(content: Content) -> str:
    """The page as Markdown: every track, and ReXrank's reported rows, which come first if there is nothing else."""
    own, reported = [], []
    tracks = [t for t in TRACK_TITLES if having(content.setting, t)]
    for track in tracks:
        title, table = TRACK_TITLES[track], content.overall.get(track)
        datasets = listed([get_dataset(d).title for d in having(content.setting, track)])
        own.append(
            Section(track, title.capitalize(), title, datasets, _view(table, content) if table else None)
        )
        if snapshot := reported_overall(content.reported, track, content.setting):
            name = f"Reported by ReXrank, not re-scored: {title}"
            view = _reported(snapshot, track, content)
            reported.append(Section(f"reported-{track}", name, title, datasets, view))
    sections = (*own, *reported) if content.overall else (*reported, *own)
    return render("overall.md", view=Page(sections))


def answers(table: OverallTable) -> tuple[Answer, ...]:
    """The page's answer in sentences: the best model, or why it is unknown, and those nowhere significantly worse."""
    if not table.rows or table.rows[0].rank_low is None:
        return tuple(Answer("", note) for note in table.notes)
    best = [r.name for r in table.rows if r.tied_with_best]
    if len(best) == 1:
        first = Answer(
            f"{best[0]} is best overall:",
            "every other complete model is significantly worse, by more than the equivalence margin.",
        )
    else:
        first = Answer(
            f"{listed(best)} are statistically tied for first overall:",
            f"no test shows any of these {len(best)} to be worse than the first by more than the equivalence margin.",
        )
    never = [r.name for r in table.rows if r.never_worse]
    verdict = (
        f"{listed(never, len(never))}."
        if never
        else "none: every model is significantly worse than another one on some dataset."
    )
    return first, Answer("Never significantly worse than another model on any dataset:", verdict)


def _view(table: OverallTable, content: Content) -> View:
    ranked = bool(table.rows) and table.rows[0].rank_low is not None
    blocks = tuple(
        Columns(
            title,
            tuple(
                Column(
                    b.title,
                    f"../{b.dataset}/{table.track}/",
                    f"{count_text(b.n_models, 'model')}, {count_text(b.n, 'study', 'studies')}",
                )
                for b in table.boards
                if b.block == title
            ),
        )
        for title in dict.fromkeys(b.block for b in table.boards)
    )
    metric = get_metric(table.primary).title
    last = max((r.rank_high or 1 for r in table.rows), default=1)
    legend = (f"Bars: the overall rank range, from 1 to {last}. " if ranked else "") + (
        f"Rank ranges by {metric}. Below each range: the number of models that are significantly better on that board. "
        + (
            f"Score: difference from the mean of the complete models, in units of the typical per-study difference; scores closer than {table.band:g} count as equivalent."
            if table.band
            else ""
        )
    )
    rows = table.rows or ()
    return View(
        caption=f"Across all datasets: {TRACK_TITLES[table.track]}",
        rehearsal=table.rehearsal,
        answers=answers(table),
        blocks=blocks,
        first=("Overall", "Model", "Score") if ranked else ("Model",),
        last=("Never significantly worse",),
        rows=tuple(_line(r, table, content, ranked=ranked) for r in rows),
        legend=legend,
        without=_without(table, content) if ranked and rows[0].without else None,
        incomplete=_incomplete(table, content),
        files=tuple(File(title, f"../../data/overall.{table.track}.{kind}") for title, kind in _files(table)),
    )


def _files(table: OverallTable) -> tuple[tuple[str, str], ...]:
    files = (("JSON", "json"), ("CSV", "csv"))
    return (*files, ("CSV of all pairs", "pairs.csv")) if table.pairs else files


def rank_bar(row: OverallRow, last: int) -> Bar:
    """An overall rank range as a bar, from rank 1 at the left to `last` at the right."""
    rank = range_text(row.rank_low, row.rank_high)
    low, high = (100 * (r - 1) / max(1, last - 1) * 0.94 + 3 for r in (row.rank_low or 1, row.rank_high or 1))
    middle = f"{(low + high) / 2:.1f}"
    return Bar(f"rank {rank} of {last}", f"{low:.1f}", middle, f"{high:.1f}", filled=row.tied_with_best)


def _address(name: str, content: Content) -> str:
    return f"../../models/{name}/" if name in content.models else ""


def _line(row: OverallRow, table: OverallTable, content: Content, *, ranked: bool) -> Line:
    cells = []
    last = max((r.rank_high or 1) for r in table.rows)
    for dataset, words in table.place_texts(row).items():
        place = row.boards.get(dataset)
        note = f"{place.worse_than} better" if place and place.worse_than else ""
        cells.append(Cell(words, note))
    return Line(
        name=row.name,
        address=_address(row.id, content),
        about="",
        before=(range_text(row.rank_low, row.rank_high),) if ranked else (),
        middle=(_signed(row.score),) if ranked else (),
        places=tuple(cells),
        after=("yes" if row.never_worse else "–",),
        bar=rank_bar(row, last) if ranked else None,
    )


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    return f"+{number(value, 2)}" if value >= 0.005 else number(value, 2)


def _without(table: OverallTable, content: Content) -> Smaller:
    rows = tuple(
        Plain(
            r.name,
            _address(r.id, content),
            "",
            (range_text(r.rank_low, r.rank_high), *(range_text(*r.without[b.dataset]) for b in table.boards)),
        )
        for r in table.rows
    )
    legend = "Each column is its own family of tests. Where a range changes a lot, the overall rank depends on that dataset."
    return Smaller("Overall rank without each dataset", tuple(b.title for b in table.boards), rows, legend)


def _incomplete(table: OverallTable, content: Content) -> Smaller | None:
    if not table.incomplete:
        return None
    rows = []
    for row in table.incomplete:
        places = table.place_texts(row)
        words = tuple(row.lacks.get(d, f"rank {rank}") for d, rank in places.items())
        rows.append(Plain(row.name, _address(row.id, content), "", words))
    n = len(rows)
    title = f"{count_text(n, 'incomplete model')} and what {'they lack' if n != 1 else 'it lacks'}"
    return Smaller(title, tuple(b.title for b in table.boards), tuple(rows))


def _reported(table: ReportedOverall, track: TrackName, content: Content) -> View:
    blocks = tuple(
        Columns(
            b.title,
            tuple(
                Column(get_dataset(d).title, f"../{d}/{track}/#reported", "")
                for d in b.datasets
                if d in table.datasets
            ),
        )
        for b in content.setting.blocks
        if any(d in table.datasets for d in b.datasets)
    )
    caption = f"Reported by ReXrank across all datasets: {TRACK_TITLES[track]}"
    first = Answer(
        "Without intervals:",
        f"these ranks are each model's mean rank across datasets, from the scores ReXrank published (snapshot {table.snapshot}). Without intervals nothing tells real differences from chance, so no model can be called the best.",
    )
    titles = tuple(get_dataset(d).title for d in table.datasets)
    return View(
        caption=caption,
        rehearsal=False,
        answers=(first,),
        blocks=blocks,
        first=("By mean rank", "Model", "Mean rank"),
        last=(),
        rows=tuple(_reported_line(p, table) for p in table.complete),
        legend=f"Ranks by {REPORTED_TITLES[table.key]} among the published models of each dataset. A wavy underline marks a value that contradicts its own components.",
        without=Smaller(
            "Overall rank without each dataset",
            titles,
            tuple(
                Plain(p.model, "", "", (rank_words(p.place or 0), *map(rank_words, p.without)))
                for p in table.complete
            ),
        )
        if table.complete and len(table.datasets) > 1
        else None,
        incomplete=Smaller(
            f"{len(table.incomplete)} published on only some of the datasets",
            titles,
            tuple(
                Plain(p.model, "", p.institution, tuple(_rank(p, d) for d in table.datasets))
                for p in table.incomplete
            ),
        )
        if table.incomplete
        else None,
        files=(),
    )


def _reported_line(place: ReportedPlace, found: ReportedOverall) -> Line:
    return Line(
        name=place.model,
        address="",
        about=place.institution,
        before=(rank_words(place.place or 0),),
        middle=(f"{place.mean_rank:.2f}",),
        places=tuple(Cell(_rank(place, d), wrong=d in place.doubtful) for d in found.datasets),
        after=(),
    )


def _rank(place: ReportedPlace, dataset: str) -> str:
    return rank_words(place.ranks[dataset]) if dataset in place.ranks else "not published"
