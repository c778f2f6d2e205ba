"""What is new: the changelog of scores, an Atom feed and a JSON feed, all from the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from evaluator.datasets.registry import get_dataset
from evaluator.files import dump_json
from evaluator.history import EVENTS
from evaluator.pages.boards import TRACK_TITLES
from evaluator.pages.entries import REPOSITORY, Content
from evaluator.pages.markup import link, number, text

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
        "Every entry, new scoring and withdrawal, newest first. [Atom feed](feed.xml), [JSON feed](feed.json).",
        "",
    ]
    if not content.history:
        lines.append("Nothing yet.")
        return "\n".join(lines) + "\n"
    rows = "".join(_row(e, content) for e in reversed(content.history))
    heads = "".join(
        f'<th scope="col">{h}</th>'
        for h in ("Date", "Model", "What", "Board", "Before", "After", "Pull request")
    )
    lines.append(
        '<div class="rx-plain" tabindex="0" role="region" aria-label="Changelog of scores" data-search-exclude>'
        f'<table class="rx-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return "\n".join(lines) + "\n"


def _row(event: Mapping[str, Any], content: Content) -> str:
    name = text(event.get("name") or event["id"])
    if event["id"] in content.models:
        name = f'<a href="../models/{text(event["id"])}/">{name}</a>'
    board = f'<a href="../leaderboards/{event["dataset"]}/{event["track"]}/">{text(_board(event))}</a>'
    pull = event.get("pull_request")
    request = link(f"{REPOSITORY}/pull/{int(pull)}", f"{int(pull)}") if pull else "–"
    values = "".join(
        f"<td>{'–' if event.get(k) is None else number(event[k])}</td>" for k in ("previous", "shown")
    )
    return (
        f"<tr><td>{text(event['date'])}</td><td>{name}</td><td>{EVENTS[event['event']]}</td><td>{board}</td>"
        f"{values}<td>{request}</td></tr>"
    )


def _board(event: Mapping[str, Any]) -> str:
    return f"{get_dataset(event['dataset']).title}, {TRACK_TITLES[event['track']]}"


def _items(content: Content) -> Sequence[dict[str, str]]:
    items = []
    for number_, event in list(enumerate(content.history))[::-1][:FEED_ENTRIES]:
        shown = "" if event.get("shown") is None else f", {event['primary']} {event['shown']:.3f}"
        rank = event.get("rank")
        place = "" if not rank else f", rank {rank[0]}" + (f" to {rank[1]}" if rank[1] != rank[0] else "")
        name = " ".join(str(event.get("name") or event["id"]).split())
        items.append(
            {
                "id": f"{content.site_url}changelog/#{number_}",
                "url": f"{content.site_url}leaderboards/{event['dataset']}/{event['track']}/",
                "title": f"{name} {EVENTS[event['event']]}: {_board(event)}",
                "text": f"{name} ({event['id']}) {EVENTS[event['event']]}, {_board(event)}{shown}{place}.",
                "date": f"{event['date']}T00:00:00Z",
            }
        )
    return items


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
