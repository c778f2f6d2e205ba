"""News: the changelog of scores, an Atom feed and a JSON feed from the history; and robots.txt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from evaluator.core.files import dump_json
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.history import EVENTS, Event, EventName
from evaluator.site.content import Content, metric_title
from evaluator.site.template import render
from evaluator.site.views import Link
from evaluator.site.words import TRACK_TITLES, number

FEED_ENTRIES: Final = 100
DEEDS: Final[Mapping[EventName, str]] = {
    "entered": "entered",
    "scored-again": "was rescored on",
    "withdrawn": "was withdrawn from",
    "removed": "left",
}
"""The verb of an event, before the names of boards."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event of the history; `anchor`: its anchor on the page, which is stable because the history only grows."""

    anchor: str
    date: str
    model: Link
    what: str
    board: Link
    ranks: str
    before: str
    after: str
    metric: str
    pull: Link


@dataclass(frozen=True, slots=True)
class Changelog:
    """Every event, newest first."""

    evaluator_changelog: str
    rows: tuple[EventLine, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """What happened to a model on one day."""

    id: str
    url: str
    title: str
    text: str
    date: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The latest items, newest first."""

    url: str
    updated: str
    items: tuple[Item, ...]


def changelog_page(content: Content) -> str:
    """Every entry, new scoring and withdrawal, newest first, as Markdown."""
    rows = (_line(place, e, content) for place, e in reversed(list(enumerate(content.history))))
    return render(
        "changelog.md", view=Changelog(f"{challenge().repository_url}/blob/main/CHANGELOG.md", tuple(rows))
    )


def _line(place: int, event: Event, content: Content) -> EventLine:
    pull = event.pull_request
    return EventLine(
        anchor=_anchor(place),
        date=event.date,
        model=Link(event.name or event.id, f"../models/{event.id}/" if event.id in content.models else ""),
        what=EVENTS[event.event],
        board=Link(_board(event), f"../leaderboards/{event.dataset}/{event.track}/"),
        ranks=_ranks(event),
        before=_value(event.previous),
        after=_value(event.shown),
        metric=metric_title(event, content) if event.shown is not None else "",
        pull=Link(f"{int(pull)}", f"{challenge().repository_url}/pull/{int(pull)}") if pull else Link("–"),
    )


def _value(value: float | None) -> str:
    return "–" if value is None else number(value)


def _anchor(place: int) -> str:
    """The anchor of an event on the page, which is stable because the history only grows."""
    return f"event-{place}"


def _ranks(event: Event) -> str:
    rank = event.rank
    if not rank:
        return ""
    return f"{rank[0]}" if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"


def _board(event: Event) -> str:
    return f"{get_dataset(event.dataset).title}, {TRACK_TITLES[event.track]}"


def _feed(content: Content) -> Feed:
    """The latest items: one per model and day, under the stable anchor of the day's first event."""
    days: dict[tuple[str, str], list[tuple[int, Event]]] = {}
    for place, event in enumerate(content.history):
        days.setdefault((event.date, event.id), []).append((place, event))
    items = tuple(_item(events, content) for events in list(days.values())[::-1][:FEED_ENTRIES])
    updated = max((i.date for i in items), default="2026-01-01T00:00:00Z")
    return Feed(content.site_url, updated, items)


def _item(events: Sequence[tuple[int, Event]], content: Content) -> Item:
    """What happened to one model on one day; `events` with their positions in the history."""
    place, first = events[0]
    name = " ".join(str(first.name or first.id).split())
    deeds: dict[EventName, list[str]] = {}
    for _, event in events:
        deeds.setdefault(event.event, []).append(_board(event))
    what = " and ".join(
        f"{DEEDS[deed]} {boards[0] if len(boards) == 1 else f'{len(boards)} boards'}"
        for deed, boards in deeds.items()
    )
    page = f"models/{first.id}/" if first.id in content.models else _address(first)
    return Item(
        id=f"{content.site_url}changelog/#{_anchor(place)}",
        url=f"{content.site_url}{page}",
        title=f"{name} {what}",
        text=f"{name} ({first.id}). " + " ".join(_sentence(e, content) for _, e in events),
        date=f"{first.date}T00:00:00Z",
    )


def _sentence(event: Event, content: Content) -> str:
    mean = "" if event.shown is None else f", {metric_title(event, content)} {number(event.shown)}"
    ranks = f", rank {_ranks(event)}" if _ranks(event) else ""
    return f"{_board(event)}: {EVENTS[event.event]}{mean}{ranks}."


def _address(event: Event) -> str:
    return f"leaderboards/{event.dataset}/{event.track}/"


def atom(content: Content) -> str:
    """The Atom feed (RFC 4287); the same bytes for the same history."""
    return render("feed.xml", view=_feed(content))


def robots(content: Content) -> str:
    """The robots.txt: everything except the texts of single studies. It takes effect only at the root of a host."""
    path = urlsplit(content.site_url).path
    return f"User-agent: *\nAllow: /\nDisallow: {path}data/cases/\nSitemap: {content.site_url}sitemap.xml\n"


def json_feed(content: Content) -> str:
    """The same as a JSON Feed 1.1."""
    return dump_json(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": f"{challenge().name}: new results",
            "home_page_url": content.site_url,
            "feed_url": f"{content.site_url}feed.json",
            "items": [
                {"id": i.id, "url": i.url, "title": i.title, "content_text": i.text, "date_published": i.date}
                for i in _feed(content).items
            ],
        }
    )
