"""A model on one board: metrics, baselines, spread, groups, diagnostics, cases, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import Task, baseline_title, task_of
from evaluator.leaderboard.null_tests import OUTCOMES
from evaluator.leaderboard.row import MetricCell, Row
from evaluator.leaderboard.table import Column, Table
from evaluator.site.content import Content, Entry
from evaluator.site.model.cases import has_texts
from evaluator.site.model.diagnostics import diagnostics, metric_name
from evaluator.site.model.figures import Histogram, Strip, strip
from evaluator.site.model.provenance import Origins, origins
from evaluator.site.model.score import Score, interval, score
from evaluator.site.model.spread import Groups, groups_of, histograms
from evaluator.site.model.verdict import Verdict, verdict
from evaluator.site.views import Fact, Link
from evaluator.site.words import TRACK_TITLES, badges_of, number
from evaluator.statistics.rounding import p_text
from evaluator.statistics.ties import lowest


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric of the model, its gain over the best baseline, and its position on the board."""

    metric: Link
    score: Score
    failed: str
    gain: Score
    strip: Strip


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """The model against one baseline on the ranking metric."""

    baseline: str
    outcome: str
    gain: Score
    p: str


@dataclass(frozen=True, slots=True)
class Baselines:
    """The model against every baseline on the ranking metric `metric`."""

    metric: str
    rows: tuple[BaselineLine, ...]


@dataclass(frozen=True, slots=True)
class CaseBrowser:
    """The case browser's settings for a board, and its address."""

    anchor: str
    board: str
    base: str
    model: str


@dataclass(frozen=True, slots=True)
class BoardPart:
    """Everything about a model on one board."""

    title: str
    task: Task
    anchor: str
    board: Link
    rival: Link
    verdict: Verdict | None
    is_withdrawn: bool
    is_public: bool
    why_unranked: str
    badges: tuple[Link, ...]
    metrics: tuple[MetricLine, ...]
    missing: tuple[Fact, ...]
    baselines: Baselines | None
    histograms: tuple[Histogram, ...]
    groups: Groups | None
    diagnostics: tuple[Fact, ...]
    cases: CaseBrowser | None
    origins: Origins


def board_title(table: Table) -> str:
    """Dataset and track, as plain text."""
    return board_name(table.dataset, table.track)


def anchor_of(table: Table) -> str:
    """The anchor of a board's part on a model's page."""
    return f"{table.dataset}-{table.track}"


def board_name(dataset: str, track: str) -> str:
    """Dataset and track by their ids, as plain text."""
    return f"{get_dataset(dataset).title}, {TRACK_TITLES.get(track, track)}"


def board_part(entry: Entry, content: Content) -> BoardPart:
    """Everything about a model on one board."""
    table, row, record = entry
    return BoardPart(
        title=board_title(table),
        task=task_of(table.track),
        anchor=anchor_of(table),
        board=Link("Board", f"../../../leaderboards/{table.dataset}/{table.track}/"),
        rival=_rival(entry),
        verdict=verdict(table, row),
        is_withdrawn=row.status == "withdrawn",
        is_public=get_dataset(table.dataset).exposure.studies,
        why_unranked=row.why_unranked or "",
        badges=_badges(row),
        metrics=_metrics(table, row),
        missing=tuple(Fact(metric_name(k), reason) for k, reason in record.missing.items())
        if row.metrics
        else (),
        baselines=_baselines(table, row) if row.metrics else None,
        histograms=histograms(entry, content),
        groups=groups_of(table, row),
        diagnostics=diagnostics(row, task_of(table.track)),
        cases=_cases(entry, content),
        origins=origins(entry),
    )


def _badges(row: Row) -> tuple[Link, ...]:
    """A row's marks; those of an integrity check link to its explanation."""
    codes = {b.text: b.code for b in row.badges}
    return tuple(
        Link(m, f"../../../integrity/#{codes[m].lower()}" if m in codes else "") for m in badges_of(row)
    )


def _rival(entry: Entry) -> Link:
    """A link to the comparison with the best model of the board or, for the best one, with the next."""
    table, row, _ = entry
    others = [r for r in table.rows if r.id != row.id]
    if row.rank_low is None or not others:
        return Link("")
    query = f"board={table.dataset}.{table.track}&m={quote(row.id)},{quote(others[0].id)}"
    return Link(f"Compare with {others[0].name}", f"../../../compare/?{query}")


def _metrics(table: Table, row: Row) -> tuple[MetricLine, ...]:
    lines = []
    for metric in table.metrics:
        cell = row.metrics.get(metric.key)
        if cell is None:
            continue
        gain = cell.gain_over_null
        lines.append(
            MetricLine(
                metric=Link(metric.display_title, f"../../../metrics/{metric.key}/"),
                score=score(cell),
                failed=f"{cell.n_failed:,} of {cell.n:,} failed" if cell.n_failed else "",
                gain=Score() if gain is None else Score(number(gain.gain), interval(gain)),
                strip=strip(metric, cell, _best(table.rows, metric), _best(table.nulls, metric)),
            )
        )
    return tuple(lines)


def _baselines(table: Table, row: Row) -> Baselines | None:
    """The model against each baseline on the ranking metric; `None` without tests."""
    metric = table.ranked_by
    if not row.against_nulls or metric is None:
        return None
    lines = (
        BaselineLine(
            baseline_title(t.null),
            OUTCOMES[t.outcome],
            Score(number(t.gain), interval(t)),
            p_text(t.p, classes=table.p_classes),
        )
        for t in row.against_nulls
    )
    return Baselines(metric.title, tuple(lines))


def strip_of(table: Table, row: Row, metric: Column) -> Strip | None:
    """The model's position on a metric, with the best model and the best baseline; `None` without a value."""
    cell = row.metrics.get(metric.key)
    if cell is None:
        return None
    return strip(metric, cell, _best(table.rows, metric), _best(table.nulls, metric))


def _best(rows: Sequence[Row], metric: Column) -> MetricCell | None:
    cells = [r.metrics[metric.key] for r in rows if metric.key in r.metrics]
    sign = -1 if metric.higher_is_better else 1
    return lowest(cells, [sign * e.mean for e in cells])


def _cases(entry: Entry, content: Content) -> CaseBrowser | None:
    """The case browser of a public board; `None` without texts."""
    name = f"{entry.table.dataset}.{entry.table.track}"
    if not get_dataset(entry.table.dataset).exposure.studies or not has_texts(content, entry):
        return None
    return CaseBrowser(
        anchor=f"{name.replace('.', '-')}-cases",
        board=name,
        base=f"../../../data/cases/{name}/",
        model=entry.row.id.replace("/", "__"),
    )
