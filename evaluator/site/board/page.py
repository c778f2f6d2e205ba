"""Board pages, from the leaderboard's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from evaluator.core.counts import count_text
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import get_task, task_of
from evaluator.leaderboard.reported import ReportedRow
from evaluator.leaderboard.table import Table
from evaluator.site.board.columns import shown_higher
from evaluator.site.board.intervals import intervals
from evaluator.site.board.notes import notes
from evaluator.site.board.pairwise_tests import pairwise_tests
from evaluator.site.board.progress import progress
from evaluator.site.board.reported_table import reported_view
from evaluator.site.board.scatters import scatters
from evaluator.site.board.sensitivity import sensitivity
from evaluator.site.board.subgroups import subgroups
from evaluator.site.board.table import BoardTable, board_view
from evaluator.site.board.verdict import Answer, answers
from evaluator.site.content import Content
from evaluator.site.reported import reported_section
from evaluator.site.template import render
from evaluator.site.words import TRACK_TITLES, badges_of, number, size_text

__all__ = ["ROOT", "TRACK_TITLES", "board_page", "scored"]

ROOT: Final = "../../../"
"""From a board's page to the site's root."""


@dataclass(frozen=True, slots=True)
class BoardLink:
    """A link to another board; `here`: to this one."""

    label: str
    address: str
    here: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of the facts line; with a link, the words around it."""

    label: str
    address: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Skill:
    """How a column of skill follows from the mean."""

    key: str
    title: str
    zero: str
    width: str


@dataclass(frozen=True, slots=True)
class Legend:
    """The marks of the table in words; `best`, `badges`: whether anything is marked."""

    sentences: tuple[str, ...]
    best: bool
    badges: bool
    skills: tuple[Skill, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A foldable part below the table; `stays`: a script leaves it open. `html` comes from a template."""

    anchor: str
    title: str
    html: Markup
    stays: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One board's page."""

    title: str
    description: str
    heading: str
    root: str
    dataset: str
    datasets: tuple[BoardLink, ...]
    tracks: tuple[BoardLink, ...]
    about: str
    facts: tuple[Fact, ...]
    rehearsal: bool
    answers: tuple[Answer, ...]
    empty: bool
    reported: int
    file: str
    item: str
    prediction: str
    table: BoardTable | None
    legend: Legend | None
    sections: tuple[Section, ...]


def board_page(dataset: Dataset, track: str, content: Content, others: Sequence[Dataset] = ()) -> str:
    """The page of one board as Markdown; `others`: the datasets in its switch."""
    table = content.tables.get((dataset.id, track))
    reported = [r for r in content.reported if r.dataset == dataset.id and r.track == track]
    view = _table(dataset, track, table, reported)
    name = f"{dataset.title} {TRACK_TITLES.get(track, track)} leaderboard"
    return render(
        "board/page.md",
        view=View(
            title=name,
            description=_description(name, dataset, track, table, reported),
            heading=f"{dataset.title}: {TRACK_TITLES.get(track, track)}",
            root=ROOT,
            dataset=dataset.id,
            datasets=tuple(
                BoardLink(d.title, f"{ROOT}leaderboards/{d.id}/{track}/", d.id == dataset.id)
                for d in others
                if track in d.tracks and d.task == dataset.task
            ),
            tracks=tuple(
                BoardLink(TRACK_TITLES.get(t, t), f"{ROOT}leaderboards/{dataset.id}/{t}/", t == track)
                for t in dataset.tracks
            ),
            about=dataset.about,
            facts=_facts(dataset, track, table, content),
            rehearsal=table is not None and table.rehearsal,
            answers=answers(table) if table else (),
            empty=table is None or not (table.rows or table.incomplete),
            reported=len(view.groups[0].rows) if view and view.reported else 0,
            file=f"submissions/TEAM/MODEL/{dataset.id}.json",
            item=get_task(dataset.task).item,
            prediction=get_task(dataset.task).prediction,
            table=view,
            legend=_legend(table) if table is not None and view and not view.reported else None,
            sections=tuple(_sections(table, reported, content, main=bool(view and view.reported))),
        ),
    )


def _table(
    dataset: Dataset, track: str, table: Table | None, reported: Sequence[ReportedRow]
) -> BoardTable | None:
    """The board's own rows, or those that ReXrank reported if there are none."""
    if table is not None and (table.rows or table.incomplete or not reported) and table.all_rows:
        return board_view(table, root=ROOT)
    return reported_view(reported, dataset, track, ROOT) if reported else None


def _description(
    name: str, dataset: Dataset, track: str, table: Table | None, reported: Sequence[ReportedRow]
) -> str:
    size = size_text(dataset, track, table)
    if table and table.rows and table.ranked_by:
        k = len(table.rows)
        return (
            f"{name}: {count_text(k, 'model')} on {size}, ranked by {table.ranked_by.title}, "
            "with 95 % intervals, baselines and pairwise tests."
        )
    known = " Results reported by ReXrank, and how to enter." if reported else " How to enter."
    return f"{name}: {size}, {dataset.exposure.title}.{known}"


def _facts(dataset: Dataset, track: str, table: Table | None, content: Content) -> tuple[Fact, ...]:
    """What the board is measured on, how, and when."""
    whole = dataset.tracks[track] in {dataset.size, None}
    patients = table.n_clusters if table and table.n_clusters else dataset.n_patients if whole else None
    facts = [
        Fact(
            size_text(dataset, track, table) + (f" of {count_text(patients, 'patient')}" if patients else "")
        ),
        Fact(f"{dataset.split} split"),
        Fact(dataset.exposure.title),
    ]
    if table is None:
        return tuple(facts)
    primary = table.ranked_by
    if primary is not None:
        facts.append(Fact(primary.title, f"{ROOT}metrics/{primary.key}/", before="ranked by "))
    facts.append(Fact(table.protocol, f"{ROOT}metrics/#two-text-protocols", after=" text protocol"))
    day, versions = scored(content, dataset.id, track)
    if day:
        facts.append(Fact(f"last changed {day}"))
    if versions:
        facts.append(Fact(f"evaluator {', '.join(versions)}"))
    return tuple(facts)


def scored(
    content: Content, dataset: str | None = None, track: str | None = None
) -> tuple[str, tuple[str, ...]]:
    """Date of the last change of a board, or of all of them, and the evaluator's versions behind its rows."""
    days = [e.date for e in content.history if dataset in {None, e.dataset} and track in {None, e.track}]
    versions = {
        entry.record.provenance.evaluator_version
        for entries in content.models.values()
        for entry in entries
        if dataset in {None, entry.table.dataset} and track in {None, entry.table.track}
    }
    return max(days, default=""), tuple(sorted(v for v in versions if v))


def _legend(table: Table) -> Legend:
    items = task_of(table.track).items
    sentences = [
        "A rank is a range: every rank the tests cannot rule out.",
        "The 95 % interval is below each value.",
    ]
    if all(shown_higher(m) for m in table.metrics):
        sentences.append("Higher is better in every metric column.")
    if table.nulls:
        sentences.append("Baselines see no images; each is placed where it would rank.")
    if any(m.reciprocal and not m.skill for m in table.metrics):
        sentences.append("1/x is the reciprocal of the mean; ranks and tests use the mean.")
    if whole := [m.display_title for m in table.metrics if m.corpus]:
        sentences.append(
            f"{', '.join(whole)}: computed over the whole dataset, not averaged over {items}. No test or rank uses these values; intervals are given where their coverage is adequate."
        )
    if any(r.missing for r in (*table.rows, *table.incomplete)):
        sentences.append("–: not computed for this model.")
    if any(c.n_failed for r in table.rows for c in r.metrics.values()):
        sentences.append(
            f"Failed: {items} that could not be scored; each counts as the worst possible value."
        )
    if table.access == "restricted":
        sentences.append(
            "The references are restricted: anyone with credentialed access can read them, and could copy them."
        )
    if table.access == "withheld":
        sentences.append(
            f"The references are withheld: values are rounded to steps of {table.step or 0:.2g}."
        )
    skills = tuple(
        Skill(m.key, m.display_title, number(m.skill.zero), number(m.skill.zero - m.skill.perfect))
        for m in table.metrics
        if m.skill
    )
    badges = any(badges_of(r) for r in (*table.rows, *table.incomplete))
    return Legend(tuple(sentences), bool(table.rows), badges, skills)


def _sections(
    table: Table | None, reported: Sequence[ReportedRow], content: Content, *, main: bool
) -> list[Section]:
    """Every part below the table that has something to show; `main`: whether ReXrank's newest rows are that table."""
    parts: list[tuple[str, str, str]] = []
    if table is not None:
        parts = [
            ("intervals", "Intervals and ranks", intervals(table)),
            ("duels", "Pairwise tests", pairwise_tests(table)),
            ("rules", "Sensitivity to the ranking rule", sensitivity(table)),
            ("scatters", "Metric vs. metric", scatters(table, ROOT)),
            ("subgroups", "Subgroups", subgroups(table)),
            ("progress", "Over time", progress(table, content.history, ROOT)),
            ("notes", "Notes, badges and signatures", notes(table, ROOT)),
        ]
    latest = max((r.snapshot for r in reported), default="")
    earlier = [r for r in reported if r.snapshot != latest]
    if main and earlier:
        _, title, html = reported_section(earlier, is_open=True)
        parts.append(("reported-earlier", f"{title}: earlier snapshots", html))
    elif reported and not main:
        parts.append(reported_section(reported, is_open=True))
    return [Section(anchor, title, Markup(html)) for anchor, title, html in parts if html]  # noqa: S704 - made by templates
