"""The table of a board: one row per model, readable and sorted without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.datasets.challenge import challenge
from evaluator.datasets.tasks.task import track_title
from evaluator.leaderboard.columns import shown_columns
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import baseline_words, digits_of, rank_text
from evaluator.site.board.cells import Cell, Marks, bar_scale, best_null, cells_of, heat_of, marks_of
from evaluator.site.board.columns import FAMILIES, Head, heads
from evaluator.site.board.latex import CITE, latex_text
from evaluator.site.template import render
from evaluator.site.words import CONTEXTS, VIEWS, facts_of, inputs_of
from evaluator.statistics.ties import TIE, by_cost

SHORT_MARKS: Final = {
    "C2": "empty reports",
    "C3": "incomplete scores",
    "C5": "unusual length",
    "C7": "other scripts",
    "C9": "repetitive",
    "C11": "close to references",
    "C12": "close to references",
    "C13": "identifies its references",
    "C15": "implausibly good",
    "C16": "RadCliQ mismatch",
    "C17": "differs from claimed scores",
    "C18": "resembles another model",
    "C19": "few reports changed",
    "C20": "planted strings",
    "C21": "addresses the judge",
    "C23": "judge outliers",
    "C24": "one letter overused",
    "C25": "shares another model's errors",
    "C26": "letter-dependent accuracy",
}
"""Short forms of marks whose text does not begin with their meaning."""
SHORT_FACTS: Final = {"trained on this dataset's source": "trained on its source"}


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of a filter: the value that rows carry, and words."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a board.

    `kind`: `submission`, `null` or `reported`; `place`: its position in the table's own order, to restore it;
    `external`: whether the address is on another site.
    """

    id: str
    name: str
    kind: str
    rank: str
    place: int
    cells: tuple[Cell, ...]
    address: str = ""
    external: bool = False
    about: str = ""
    badges: tuple[str, ...] = ()
    why: str = ""
    inputs: str = ""
    views: str = ""
    context: str = ""
    open_weights: bool = False
    seen: bool = False
    top: bool = False
    entered: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are shown together: `key` for the script, and a description."""

    key: str
    words: str
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class BoardTable:
    """A board with its toolbar. `facts`: whether rows show a model's inputs and date of entry.

    `more`: titles of further facts, in the order of each row's `more` (`evaluator/leaderboard/columns.py`).
    """

    title: str
    caption: str
    name: str
    root: str
    heads: tuple[Head, ...]
    groups: tuple[Group, ...]
    facts: bool
    count: str
    reported: bool = False
    more: tuple[str, ...] = ()
    views: tuple[Choice, ...] = ()
    contexts: tuple[Choice, ...] = ()
    presets: tuple[Choice, ...] = ()
    files: tuple[Choice, ...] = ()
    cite: str = ""
    challenge: str = ""

    @property
    def span(self) -> int:
        """How many columns there are."""
        return 2 + 2 * self.facts + len(self.more) + len(self.heads)


GROUPS: Final = (
    (
        "incomplete",
        "Listed without a rank; the reason is below each name. A null-like model scores no better than a fixed report.",
    ),
    ("withdrawn", "Withdrawn by their authors. They stay listed, without scores."),
)
FILES: Final = (
    Choice("csv", "CSV"),
    Choice("json", "JSON"),
    Choice("tex", "LaTeX"),
    Choice("md.txt", "Markdown"),
)


def board_table(table: Table, *, root: str) -> str:
    """The board as HTML, see `board_view`."""
    return render("board/table.html", view=board_view(table, root=root))


def board_view(table: Table, *, root: str) -> BoardTable:
    """The ranked rows with the baselines where they would rank, then rows without a rank and withdrawn ones.

    `root` leads to the site's root. The script that adds sorting and filters finds the table by `data-rx-main`.
    """
    digits = digits_of(table.step)
    marks = marks_of(table.rows, table.metrics, digits) | heat_of(table.rows, table.metrics)
    rows = _with_baselines(table)
    groups = [Group("rows", "", _lines(rows, table, marks, root))] if rows else []
    others = {"incomplete": table.incomplete, "withdrawn": table.withdrawn}
    groups += [
        Group(key, words, _lines(others[key], table, {}, root)) for key, words in GROUPS if others[key]
    ]
    n = len(table.rows)
    columns = heads(table.metrics, table.primary, root)
    models = [*table.rows, *table.incomplete, *table.withdrawn]
    return BoardTable(
        title=f"{table.title}, {track_title(table.track)}",
        caption=f"{table.title}, {track_title(table.track)}: ranks, scores and 95 % intervals",
        name=table.name,
        root=root,
        heads=columns,
        groups=tuple(groups),
        facts=True,
        more=tuple(column.title for column in shown_columns()),
        count=f"{count_text(n, 'ranked model')}",
        views=_choices((r.inputs.views for r in models), VIEWS),
        contexts=_choices((r.inputs.context for r in models), CONTEXTS),
        presets=presets(columns),
        files=FILES,
        cite=CITE,
        challenge=latex_text(challenge().name),
    )


def presets(columns: Sequence[Head]) -> tuple[Choice, ...]:
    """The sets of columns that a reader may choose, named ones first."""
    families = dict.fromkeys(
        w for w in FAMILIES.values() if any(w.split()[0] in h.sets.split() for h in columns)
    )
    extra = any(h.extra for h in columns)
    return (
        *((Choice("", "default metrics"),) if extra else ()),
        Choice("all" if extra else "", "all metrics"),
        *(Choice(w.split()[0], w) for w in families),
        Choice("ranking", "ranking metric only"),
    )


def _choices(values: Iterable[str | None], titles: Mapping[str, str]) -> tuple[Choice, ...]:
    """The options of a filter: the existing values, known ones in their usual order."""
    there = sorted({v for v in values if v})
    known = [v for v in titles if v in there]
    return tuple(
        Choice(v, titles.get(v, v) or "images only") for v in (*known, *(v for v in there if v not in titles))
    )


def _with_baselines(table: Table) -> list[Row]:
    """The ranked rows in their order, each baseline before the first row that is worse on the ranking metric."""
    metric = table.ranked_by
    if metric is None:
        return [*table.rows, *table.nulls]
    sign = -1 if metric.higher_is_better else 1

    def cost(row: Row) -> float:
        return sign * row.metrics[metric.key].mean

    rows: list[Row] = [r for r in table.rows if metric.key in r.metrics]
    nulls = [r for r in table.nulls if metric.key in r.metrics]
    for null in by_cost(nulls, [cost(r) for r in nulls]):
        place = next((i for i, r in enumerate(rows) if cost(r) > cost(null) + TIE), len(rows))
        rows.insert(place, null)
    return rows + [r for r in (*table.rows, *table.nulls) if metric.key not in r.metrics]


def _lines(rows: Sequence[Row], table: Table, marks: Marks, root: str) -> tuple[Line, ...]:
    metric = table.ranked_by
    holders = (*table.rows, *table.nulls)
    bars = {metric.key: bar_scale(holders, metric)} if metric else {}
    null = best_null(table, metric) if metric else None
    return tuple(
        _line(row, place, cells_of(row, table, marks, bars, null), root) for place, row in enumerate(rows)
    )


def _line(row: Row, place: int, cells: tuple[Cell, ...], root: str) -> Line:
    baseline = row.kind == "null"
    about = (row.institution, row.parameters, "open weights" if row.open_weights else None)
    return Line(
        id=row.id,
        name=row.name,
        kind=row.kind,
        rank="" if baseline else rank_text(row),
        place=place,
        cells=cells,
        address="" if baseline else f"{root}models/{row.id}/",
        about="baseline, sees no images" if baseline else " · ".join(a for a in about if a),
        badges=tuple(short_marks(row)),
        more=tuple(column.shown(row) for column in shown_columns()),
        why=row.why_unranked or baseline_words(row),
        inputs="no image" if baseline else inputs_of(row.inputs),
        views=row.inputs.views or "",
        context=row.inputs.context or "",
        open_weights=row.open_weights,
        seen=row.trained_on_dataset,
        top=row.tied_with_best,
        entered="" if baseline else row.submitted or "",
    )


def short_marks(row: Row) -> list[str]:
    """The marks of a row in a few words each; `badges_of` has them in full.

    A check's mark ends at its first colon: `template collapse: 4 % distinct reports` is `template collapse`.
    """
    return [SHORT_FACTS.get(f, f) for f in facts_of(row)] + [
        SHORT_MARKS.get(b.code, b.text.partition(":")[0]) for b in row.badges
    ]
