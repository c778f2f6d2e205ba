"""The compare page, and the files it fetches: one per model and board, with its pairs against the models after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.pairwise import MetricPair, Pairwise
from evaluator.leaderboard.row import NullTest, Row
from evaluator.leaderboard.table import Column, PairTest, Standing, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board.cells import shown_parts
from evaluator.site.compare_verdict import Numbers, Verdict, verdict
from evaluator.site.content import Content
from evaluator.site.model.cases import has_texts
from evaluator.site.served import compact
from evaluator.site.template import render
from evaluator.site.words import TRACK_TITLES, inputs_of, number

MOST: Final = 3
"""Most models that the page accepts."""
_NULL_STANDING: Final[Mapping[str, Standing]] = {"clears": "better", "below": "worse", "not_shown": "open"}
_DIGITS: Final = 4
"""Decimals of differences and p in the files; readers see three."""
_UNIT: Final = 10**_DIGITS
"""The pairs of a metric are stored in units of 1/10,000: they are by far the largest part of the files."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A board or model to choose, by id and name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A metric of two models: both values, and by how much the first exceeds the second."""

    metric: str
    first: str
    second: str
    difference: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Default:
    """The pair that the page shows before anything is chosen."""

    board: str
    title: str
    first: Choice
    second: Choice
    verdict: Verdict
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The page: boards to choose from, models and baselines of the first, and its first two models."""

    boards: tuple[Choice, ...]
    models: tuple[Choice, ...]
    baselines: tuple[Choice, ...]
    places: tuple[int, ...]
    default: Default | None
    reported: bool


def compare_page(content: Content) -> str:
    """The page as Markdown; without a script it shows its first pair and links to each board's pairwise tests."""
    tables = [content.tables[key] for key in content.pairwise if len(content.tables[key].rows) > 1]
    first = tables[0] if tables else None
    view = View(
        boards=tuple(Choice(t.name, _title(t)) for t in tables),
        models=tuple(Choice(r.id, r.name) for r in first.rows) if first else (),
        baselines=tuple(Choice(r.id, r.name) for r in first.nulls) if first else (),
        places=tuple(range(1, MOST + 1)),
        default=_default(first, content.pairwise[first.dataset, first.track]) if first else None,
        reported=bool(content.reported),
    )
    return render("compare.md", view=view)


def _title(table: Table) -> str:
    return f"{get_dataset(table.dataset).title}, {TRACK_TITLES.get(table.track, table.track)}"


def _default(table: Table, pairs: Pairwise) -> Default:
    a, b = table.rows[:2]
    by_metric = _pairs_of(pairs).get(frozenset((a.id, b.id)), {})
    digits = digits_of(table.step)
    versus = {key: _read(_numbers(pair, a.id)) for key, pair in by_metric.items()}
    said = verdict(table, a, b, _tests(table).get(frozenset((a.id, b.id))), versus)
    return Default(
        board=table.name,
        title=_title(table),
        first=Choice(a.id, a.name),
        second=Choice(b.id, b.name),
        verdict=said,
        rows=tuple(_line(m, a, b, by_metric.get(m.key), digits) for m in table.metrics),
    )


def _read(counted: list[int | None]) -> Numbers:
    """The numbers of a pair as a reader of the files has them."""
    d, *rest = (None if v is None else v / _UNIT for v in counted)
    return Numbers(d or 0.0, *rest)


def _line(metric: Column, a: Row, b: Row, pair: MetricPair | None, digits: int) -> Line:
    first, second = (
        shown_parts(r.metrics[metric.key], digits)[0] if metric.key in r.metrics else "–" for r in (a, b)
    )
    if pair is None:
        return Line(metric.display_title, first, second, "–", "", "")
    d, low, high, *_ = _read(_numbers(pair, a.id))
    ends = ("", "") if low is None or high is None else (_signed(low, digits), _signed(high, digits))
    return Line(metric.display_title, first, second, _signed(d, digits), *ends)


def _signed(value: float, digits: int) -> str:
    text = number(value, digits)
    return f"+{text}" if value > 0 and float(f"{value:.{digits}f}") else text


def compare_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site and text of every file that the page fetches; each pair is in one of them."""
    boards = []
    for (dataset, track), pairs in content.pairwise.items():
        table = content.tables[dataset, track]
        if len(table.rows) < 2:
            continue
        boards.append(_board(table, content))
        by_pair, tests = _pairs_of(pairs), _tests(table)
        folder = f"data/compare/{dataset}.{track}"
        for place, row in enumerate(table.rows):
            others = [r.id for r in table.rows[place + 1 :]]
            yield f"{folder}/{_file(row)}", compact(_model(row, table, others, by_pair, tests))
        for null in table.nulls:
            yield f"{folder}/{_file(null)}", compact(_model(null, table, [], by_pair, tests))
    yield "data/compare/index.json", compact({"schema": "rexrank/compare-index/v1", "boards": boards})


def _file(row: Row) -> str:
    return f"{row.id.replace('/', '__')}.json.gz"


def _board(table: Table, content: Content) -> dict[str, Any]:
    keys = ("key", "title", "display_title", "higher_is_better", "reciprocal", "equivalence")
    entries = (e for members in content.models.values() for e in members if e.table is table)
    with_cases = {e.row.id for e in entries if has_texts(content, e)}
    return {
        "id": table.name,
        "title": _title(table),
        "primary": table.primary,
        "n": table.n,
        "n_clusters": table.n_clusters,
        "rehearsal": table.rehearsal,
        "mde_all_pairs": table.resolution.mde_all_pairs,
        "p_classes": table.p_classes,
        "spread": {m.key: _spread(table, m.key) for m in table.metrics},
        "metrics": [{k: getattr(m, k) for k in keys} for m in table.metrics],
        "models": [{"id": r.id, "name": r.name} for r in table.rows],
        "baselines": [{"id": r.id, "name": r.name} for r in table.nulls],
        "cases": [r.id for r in table.rows if r.id in with_cases],
    }


def _spread(table: Table, key: str) -> float:
    """The range of means on a board, baselines included; the scale of the page's figures."""
    means = [r.metrics[key].mean for r in (*table.rows, *table.nulls) if key in r.metrics]
    return float(f"{max(means) - min(means):.6g}") if means else 0.0


def _tests(table: Table) -> dict[frozenset[str], PairTest]:
    """By pair of models, the board's ranking test, adjusted for all its pairs."""
    return {frozenset((p.a, p.b)): p for p in table.pairs}


def _pairs_of(pairs: Pairwise) -> dict[frozenset[str], dict[str, MetricPair]]:
    """By pair of models and metric, the difference."""
    by_pair: dict[frozenset[str], dict[str, MetricPair]] = {}
    for key, rows in pairs.metrics.items():
        for pair in rows:
            by_pair.setdefault(frozenset((pair.a, pair.b)), {})[key] = pair
    return by_pair


def _numbers(pair: MetricPair, model: str) -> list[int | None]:
    """Difference (the model's mean minus the other's), low, high, p, q, all in 1/10,000."""
    ends = (pair.difference, pair.low, pair.high)
    if pair.a != model:
        ends = (-pair.difference, _negative(pair.high), _negative(pair.low))
    return _counted(*ends, pair.p, pair.q)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _counted(*values: float | None) -> list[int | None]:
    """Values in 1/10,000."""
    return [None if v is None else round(v * _UNIT) for v in values]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS) + 0.0


def _model(
    row: Row,
    table: Table,
    others: list[str],
    pairs: Mapping[frozenset[str], Mapping[str, MetricPair]],
    tests: Mapping[frozenset[str], PairTest],
) -> dict[str, Any]:
    nulls = {t.null: t for t in row.against_nulls}
    ranked = [tests.get(frozenset((row.id, other))) for other in others]
    keys = [m.key for m in table.metrics if m.key in row.metrics]
    versus = {
        key: [_entry(row, pairs.get(frozenset((row.id, other)), {}).get(key)) for other in others]
        + [_against(row, table, key, test) for test in nulls.values()]
        for key in keys
    }
    return {
        "schema": "rexrank/compare/v2",
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "institution": row.institution,
        "rank": [row.rank_low, row.rank_high],
        "inputs": row.inputs.view(),
        "reads": "no image" if row.kind == "null" else inputs_of(row.inputs),
        "trained_on_dataset": row.trained_on_dataset,
        "metrics": {
            k: {"mean": e.mean, "low": e.low, "high": e.high, "display": e.display.view()}
            for k, e in row.metrics.items()
        },
        "others": [*others, *nulls],
        "ranked_against": [*(t and _rounded(t.p) for t in ranked), *(_rounded(t.p) for t in nulls.values())],
        "standing": [
            *(t and t.standing(row.id) for t in ranked),
            *(_NULL_STANDING[t.outcome] for t in nulls.values()),
        ],
        "versus": versus,
    }


def _entry(row: Row, pair: MetricPair | None) -> list[int | None] | None:
    return None if pair is None else _numbers(pair, row.id)


def _against(row: Row, table: Table, key: str, test: NullTest) -> list[int | None] | None:
    """A model against a baseline on a metric: tested on the ranking metric, otherwise the difference of means."""
    null = next((r for r in table.nulls if r.id == test.null), None)
    if null is None or key not in null.metrics:
        return None
    difference = row.metrics[key].mean - null.metrics[key].mean
    higher = all(m.higher_is_better for m in table.metrics if m.key == key)
    if key == table.primary:
        ends = (test.low, test.high) if higher else (_negative(test.high), _negative(test.low))
        return _counted(difference, *ends, test.p, test.p)
    gain = row.metrics[key].gain_over_null
    if gain is None or gain.null != test.null:
        return _counted(difference, None, None, None, None)
    ends = (gain.low, gain.high) if higher else (_negative(gain.high), _negative(gain.low))
    return _counted(difference, *ends, None, None)
