"""What is new: the changelog of scores, an Atom feed and a JSON feed from the history; what robots may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from evaluator.core.files import dump_json
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.site.board.page import TRACK_TITLES
from evaluator.site.content import REPOSITORY, Content, metric_title
from evaluator.site.html import html_table, link, number, text

FEED_ENTRIES: Final = 100


def changelog_page(content: Content) -> str:
    """Every entry, new scoring and withdrawal, newest first."""
    lines = [
        "---",
        "title: Changelog of scores",
        "description: Every entry, new scoring and withdrawal on the boards.",
        "hide: [toc]",
        "---",
        "# Changelog of scores",
        "",
        "Every entry, new scoring, withdrawal and removal, newest first: also as an [Atom](feed.xml) and a",
        "[JSON feed](feed.json), and whole as [data](data/history.json). Why numbers move when the evaluator changes is said",
        f'under "Scores" in the evaluator\'s own [changelog]({REPOSITORY}/blob/main/CHANGELOG.md).',
        "",
    ]
    if not content.history:
        lines.append("Nothing yet.")
        return "\n".join(lines) + "\n"
    rows = [_row(n, e, content) for n, e in reversed(list(enumerate(content.history)))]
    heads = ("Model", "What", "Board", "Ranks", "Before", "After", "Pull request")
    lines.append(html_table("Date", heads, rows, "Changelog of scores"))
    return "\n".join(lines) + "\n"


def _row(number_: int, event: Event, content: Content) -> str:
    name = text(event.name or event.id)
    if event.id in content.models:
        name = f'<a href="../models/{text(event.id)}/">{name}</a>'
    board = f'<a href="../leaderboards/{event.dataset}/{event.track}/">{text(_board(event))}</a>'
    pull = event.pull_request
    request = link(f"{REPOSITORY}/pull/{int(pull)}", f"{int(pull)}") if pull else "–"
    before, after = _value(event.previous), _value(event.shown)
    metric = f"<small>{text(metric_title(event, content))}</small>" if event.shown is not None else ""
    return (
        f'<tr id="{_anchor(number_)}"><th scope="row" class="rx-ci">{text(event.date)}</th><td>{name}</td><td>{EVENTS[event.event]}</td>'
        f"<td>{board}</td><td>{_ranks(event) or '–'}</td><td>{before}</td><td>{after}{metric}</td><td>{request}</td></tr>"
    )


def _value(value: float | None) -> str:
    return "–" if value is None else number(value)


def _anchor(place: int) -> str:
    """The name of an event on the page; the history is only added to, so that it stays."""
    return f"event-{place}"


def _ranks(event: Event) -> str:
    rank = event.rank
    if not rank:
        return ""
    return f"{rank[0]}" if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"


def _board(event: Event) -> str:
    return f"{get_dataset(event.dataset).title}, {TRACK_TITLES[event.track]}"


def _items(content: Content) -> Sequence[dict[str, str]]:
    items = []
    for place, event in list(enumerate(content.history))[::-1][:FEED_ENTRIES]:
        metric = metric_title(event, content)
        shown = "" if event.shown is None else f", {metric} {number(event.shown)}"
        ranks = f", rank {_ranks(event)}" if _ranks(event) else ""
        name = " ".join(str(event.name or event.id).split())
        board = f"leaderboards/{event.dataset}/{event.track}/"
        page = f"models/{event.id}/" if event.id in content.models else board
        items.append(
            {
                "id": f"{content.site_url}changelog/#{_anchor(place)}",
                "url": f"{content.site_url}{page}",
                "title": f"{name} {EVENTS[event.event]}: {_board(event)}",
                "text": f"{name} ({event.id}) {EVENTS[event.event]}, {_board(event)}{shown}{ranks}.",
                "date": f"{event.date}T00:00:00Z",
            }
        )
    return items


def robots(content: Content) -> str:
    """What robots may read: everything but the texts of single studies. It counts only at the root of a host."""
    path = urlsplit(content.site_url).path
    return f"User-agent: *\nAllow: /\nDisallow: {path}data/cases/\nSitemap: {content.site_url}sitemap.xml\n"


def atom(content: Content) -> str:
    """The Atom feed (RFC 4287); the same bytes for the same history."""
    items = _items(content)
    updated = max((i["date"] for i in items), default="2026-01-01T00:00:00Z")
    url = _xml(content.site_url)
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        "<title>ReXrank challenge: new results</title>",
        f"<id>{url}</id><updated>{updated}</updated>",
        f'<link rel="self" href="{url}feed.xml"/><link href="{url}"/>',
        "<author><name>ReXrank challenge</name></author>",
    ]
    parts += [
        f"<entry><id>{_xml(i['id'])}</id><title>{_xml(i['title'])}</title><updated>{i['date']}</updated>"
        f'<link href="{_xml(i["url"])}"/><summary>{_xml(i["text"])}</summary></entry>'
        for i in items
    ]
    return "\n".join([*parts, "</feed>"]) + "\n"


def _xml(value: str) -> str:
    """`value` as XML text; characters that XML 1.0 cannot hold are left out."""
    kept = "".join(
        c
        for c in value
        if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )
    return escape(kept, {'"': "&quot;"})


def json_feed(content: Content) -> str:
    """The same as a JSON Feed 1.1."""
    return dump_json(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "ReXrank challenge: new results",
            "home_page_url": content.site_url,
            "feed_url": f"{content.site_url}feed.json",
            "items": [
                {
                    "id": i["id"],
                    "url": i["url"],
                    "title": i["title"],
                    "content_text": i["text"],
                    "date_published": i["date"],
                }
                for i in _items(content)
            ],
        }
    )
