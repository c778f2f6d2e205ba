"""The front page and the list of boards: current leaders, how to enter, what is new, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.version import __version__
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import Dataset, example_dataset, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.metrics.registry import get_metric
from evaluator.site.board.page import scored
from evaluator.site.content import Content
from evaluator.site.standings import Matrix, Panel, best_now, matrices
from evaluator.site.template import render
from evaluator.site.views import Link
from evaluator.site.words import TRACK_TITLES, question

NEWEST: Final = 6
"""Number of events on the front page; the changelog has all."""
NAMED: Final = 4
"""Number of boards named for an event."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the front page and what it counts."""

    number: str
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Place:
    """A board of an event, with the rank if the event gave one."""

    title: str
    address: str
    rank: str


@dataclass(frozen=True, slots=True)
class News:
    """What a model did on one day."""

    date: str
    name: str
    address: str
    what: str
    boards: tuple[Place, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A task, a dataset or a metric, with a sentence about it."""

    title: str
    about: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Front:
    """The front page."""

    panels: tuple[Panel, ...]
    matrices: tuple[Matrix, ...]
    trials: tuple[Link, ...]
    figures: tuple[Figure, ...]
    news: tuple[News, ...]
    comparable: bool
    rehearsal: bool
    repository: str
    title: str
    question: str
    about: str
    example: str
    reports: bool
    reported: bool
    tasks: tuple[Measured, ...]
    data: tuple[Measured, ...]
    primary: tuple[Measured, ...]
    root: str = ""


def overview_page(datasets: Sequence[Dataset], content: Content) -> str:
    """The front page as Markdown."""
    return render("home.md", view=_front(datasets, content, ""))


def boards_index(datasets: Sequence[Dataset], content: Content) -> str:
    """The list of boards as Markdown."""
    return render("boards.md", view=_front(datasets, content, "../"))


def _front(datasets: Sequence[Dataset], content: Content, root: str) -> Front:
    tables, settings = content.tables.values(), challenge()
    return Front(
        panels=best_now(datasets, content),
        matrices=matrices(datasets, content, root),
        trials=tuple(
            Link(f"{d.title}, {TRACK_TITLES.get(t, t)}", f"{root}leaderboards/{d.id}/{t}/")
            for d in datasets
            if d.synthetic
            for t in d.tracks
        ),
        figures=_figures(datasets, content),
        news=tuple(_news(content)),
        comparable=any(len(t.rows) > 1 for t in tables),
        rehearsal=any(t.rehearsal and t.rows for t in tables),
        repository=settings.repository_url,
        title=f"{settings.name}: leaderboard",
        question=question(),
        about=settings.about,
        example=example_dataset(),
        reports="report-generation" in settings.tasks,
        reported=bool(content.reported),
        tasks=tuple(
            Measured(t.title, t.about) for t in map(get_task, dict.fromkeys(d.task for d in datasets))
        ),
        data=tuple(
            Measured(d.title, d.exposure.title, f"datasets/{d.id}/") for d in datasets if not d.synthetic
        ),
        primary=tuple(
            Measured(get_metric(t.primary).title, t.predictions, f"metrics/{t.primary}/")
            for t in map(get_task, settings.tasks)
        ),
        root=root,
    )


def _figures(datasets: Sequence[Dataset], content: Content) -> tuple[Figure, ...]:
    """Number of models and studies, and the evaluator's version and date."""
    ranked = {r.id for t in content.tables.values() for r in t.rows}
    snapshot = max((r.snapshot for r in content.reported), default="")
    known = {r.model for r in content.reported if r.snapshot == snapshot}
    real = [d for d in datasets if not d.synthetic]
    sets = [d for d in real if get_task(d.task).item == "study"]
    studies = sum(d.n_studies for d in sets)
    day, versions = scored(content)
    models = (
        Figure(f"{len(ranked):,}", f"model{'s' * (len(ranked) != 1)} scored here", "models/")
        if ranked or not known
        else Figure(
            f"{len(known):,}",
            f"model{'s' * (len(known) != 1)} reported by ReXrank, none scored here yet",
            "leaderboards/reported/",
        )
    )
    return (
        models,
        Figure(f"{studies:,}", f"studies in {count_text(len(sets), 'dataset')}", "datasets/"),
        Figure(
            f"v{versions[-1] if versions else __version__}",
            f"of the evaluator, last scores {day}" if day else "of the evaluator, no scores yet",
            "changelog/",
        ),
    )


def _news(content: Content) -> list[News]:
    """The latest events, newest first; a model's events on several boards on one day are merged."""
    groups: dict[tuple[str, str, str], list[Event]] = {}
    for event in reversed(content.history):
        groups.setdefault((event.date, event.id, event.event), []).append(event)
    return [_event(events, content) for events in list(groups.values())[:NEWEST]]


def _event(events: Sequence[Event], content: Content) -> News:
    first, n = events[0], len(events)
    return News(
        date=first.date,
        name=first.name or first.id,
        address=f"models/{first.id}/" if first.id in content.models else "",
        what=EVENTS[first.event].replace("the board", "a board" if n == 1 else f"{n} boards"),
        boards=tuple(_place(e) for e in reversed(events))[:NAMED],
        more=max(0, n - NAMED),
    )


def _place(event: Event) -> Place:
    title = f"{get_dataset(event.dataset).title} {TRACK_TITLES.get(event.track, event.track)}"
    rank = event.rank
    place = "" if not rank else f"{rank[0]}" + (f"–{rank[1]}" if rank[1] != rank[0] else "")
    return Place(title, f"leaderboards/{event.dataset}/{event.track}/", place)
