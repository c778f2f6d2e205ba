"""What the head of a generated page says beside its title: its date, its social card, and what data it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.table import Table
from evaluator.site.content import REPOSITORY, Content
from evaluator.site.words import TRACK_TITLES

LICENCE = f"{REPOSITORY}/blob/main/LICENSE"


def with_head(pages: Mapping[str, str], content: Content) -> dict[str, str]:
    """The pages by name, with what the theme needs for their heads in the front matter of each."""
    dates = _dates(content)
    return {
        name: _with(body, _facts(name, dates.get(name), content)) if name.endswith(".md") else body
        for name, body in pages.items()
    }


def _with(body: str, facts: Mapping[str, Any]) -> str:
    """A page with more facts in its front matter; a line of JSON is a line of YAML."""
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in facts.items() if value)
    return body.replace("---\n", f"---\n{lines}", 1)


def _facts(name: str, date: str | None, content: Content) -> dict[str, Any]:
    kind, _, rest = name.removesuffix(".md").partition("/")
    dataset, _, track = rest.partition("/")
    table = content.tables.get((dataset, track)) if kind == "leaderboards" else None
    model = kind == "models" and rest in content.models
    board = kind == "leaderboards" and track
    return {
        "generated": True,
        "date": date,
        "card": f"assets/cards/{kind}/{rest}.png" if model or board else None,
        "structured": board_data(table, content.site_url, date) if table is not None and table.rows else None,
    }


def _dates(content: Content) -> dict[str, str]:
    """By page the day of the last event that it shows."""
    dates: dict[str, str] = {}
    for event in content.history:
        board = f"leaderboards/{event.dataset}/{event.track}.md"
        for name in (
            board,
            f"models/{event.id}.md",
            "index.md",
            "models/index.md",
            "changelog.md",
            "compare.md",
        ):
            dates[name] = max(dates.get(name, ""), event.date)
    return dates


def board_data(table: Table, site_url: str, date: str | None) -> dict[str, Any]:
    """A board's files as schema.org's `Dataset`, for search engines of data."""
    title = f"{table.title} {TRACK_TITLES.get(table.track, table.track)} leaderboard"
    name = f"{table.dataset}.{table.track}"
    formats = (("csv", "text/csv"), ("json", "application/json"))
    facts = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": title,
        "description": f"Scores of {len(table.rows):,} models that write chest X-ray reports on {table.n:,} studies of "
        f"{table.title}, with 95 % intervals, ranges of ranks and baselines that see no image.",
        "url": f"{site_url}leaderboards/{table.dataset}/{table.track}/",
        "keywords": ["chest X-ray", "radiology report generation", "leaderboard", table.title],
        "license": LICENCE,
        "isAccessibleForFree": True,
        "creator": {"@type": "Organization", "name": "ReXrank challenge", "url": site_url},
        "measurementTechnique": get_dataset(table.dataset).about,
        "variableMeasured": [m.title for m in table.metrics],
        "distribution": [
            {"@type": "DataDownload", "encodingFormat": kind, "contentUrl": f"{site_url}data/{name}.{end}"}
            for end, kind in formats
        ],
    }
    return facts | ({"dateModified": date} if date else {})
