"""The head of a generated page besides its title: its date, its social card, and its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from evaluator.core.counts import count_text
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import get_task, task_of
from evaluator.leaderboard.row import Entry
from evaluator.leaderboard.table import Table
from evaluator.site.content import Content
from evaluator.site.model.citation import orcid_address
from evaluator.site.words import TRACK_TITLES

FORMATS: Final = (("csv", "text/csv"), ("json", "application/json"))


class DataDownload(Entry):
    """A file of a dataset, in the terms of schema.org."""

    type_: Literal["DataDownload"] = Field(alias="@type")
    encoding: str = Field(alias="encodingFormat")
    address: str = Field(alias="contentUrl")


class Organization(Entry):
    """The maker of a dataset, in the terms of schema.org."""

    type_: Literal["Organization"] = Field(alias="@type")
    name: str
    url: str


class BoardData(Entry):
    """A board's files as a dataset in the terms of schema.org, for search engines of data."""

    context: Literal["https://schema.org"] = Field(alias="@context")
    type_: Literal["Dataset"] = Field(alias="@type")
    name: str
    description: str
    url: str
    keywords: tuple[str, ...]
    license_: str = Field(alias="license")
    is_free: bool = Field(alias="isAccessibleForFree")
    creator: Organization
    technique: str = Field(alias="measurementTechnique")
    measured: tuple[str, ...] = Field(alias="variableMeasured")
    modified: str | None = Field(alias="dateModified")
    distribution: tuple[DataDownload, ...]


class Affiliation(Entry):
    """An author's affiliation, in the terms of schema.org."""

    type_: Literal["Organization"] = Field(alias="@type")
    name: str


class Person(Entry):
    """An author, in the terms of schema.org; `id_`: the address of the ORCID iD, which identifies one person."""

    type_: Literal["Person"] = Field(alias="@type")
    id_: str | None = Field(None, alias="@id")
    name: str
    affiliation: Affiliation | None = None


class ModelData(Entry):
    """A model with its authors in the terms of schema.org."""

    context: Literal["https://schema.org"] = Field(alias="@context")
    type_: Literal["SoftwareApplication"] = Field(alias="@type")
    name: str
    url: str
    category: str = Field(alias="applicationCategory")
    author: tuple[Person, ...]
    published: str | None = Field(None, alias="datePublished")


def with_head(pages: Mapping[str, str], content: Content) -> dict[str, str]:
    """The pages by name, with what the theme needs for their heads in the front matter of each."""
    dates = _dates(content)
    return {
        name: body.replace("---\n", f"---\n{_lines(name, dates.get(name), content)}", 1)
        if name.endswith(".md")
        else body
        for name, body in pages.items()
    }


def _lines(name: str, date: str | None, content: Content) -> str:
    """Lines of front matter; a line of JSON is a line of YAML."""
    kind, _, rest = name.removesuffix(".md").partition("/")
    dataset, _, track = rest.partition("/")
    lines = ["generated: true"]
    if date:
        lines.append(f"date: {json.dumps(date)}")
    if (kind == "leaderboards" and track) or (kind == "models" and rest in content.models):
        lines.append(f"card: {json.dumps(f'assets/cards/{kind}/{rest}.png')}")
    table = content.tables.get((dataset, track)) if kind == "leaderboards" else None
    if table is not None and table.rows:
        lines.append(f"structured: {json.dumps(board_data(table, content.site_url, date).view())}")
    model = model_data(rest, content) if kind == "models" and rest in content.models else None
    if model is not None:
        lines.append(f"structured: {json.dumps(model.view())}")
    return "".join(f"{line}\n" for line in lines)


def model_data(name: str, content: Content) -> ModelData | None:
    """Structured data on a model for search engines; `None` if its card names no author."""
    record = content.models[name][0].record
    card = record.card
    if not card.authors:
        return None
    people = []
    for author in card.authors:
        person: dict[str, object] = {"@type": "Person", "name": author.name}
        if address := orcid_address(author.orcid):
            person["@id"] = address
        if author.affiliation:
            person["affiliation"] = {"@type": "Organization", "name": author.affiliation}
        people.append(person)
    return ModelData.model_validate(
        {
            "@context": "https://schema.org",
            "@type": "SoftwareApplication",
            "name": card.name or record.model,
            "url": f"{content.site_url}models/{name}/",
            "applicationCategory": get_task(record.task).title,
            "author": tuple(people),
            **({"datePublished": str(card.year)} if card.year else {}),
        }
    )


def _dates(content: Content) -> dict[str, str]:
    """By page, the day of the last event that it shows."""
    dates: dict[str, str] = {}
    for event in content.history:
        board = f"leaderboards/{event.dataset}/{event.track}.md"
        shared = ("index.md", "models/index.md", "changelog.md", "compare.md")
        for name in (board, f"models/{event.id}.md", *shared):
            dates[name] = max(dates.get(name, ""), event.date)
    return dates


def board_data(table: Table, site_url: str, date: str | None) -> BoardData:
    """Structured data on a board for dataset search engines."""
    name, task = f"{table.dataset}.{table.track}", task_of(table.track)
    return BoardData.model_validate(
        {
            "@context": "https://schema.org",
            "@type": "Dataset",
            "license": f"{challenge().repository_url}/blob/main/LICENSE",
            "isAccessibleForFree": True,
            "name": f"{table.title} {TRACK_TITLES.get(table.track, table.track)} leaderboard",
            "description": f"Scores of {count_text(len(table.rows), 'model')} on {count_text(table.n or 0, task.item, task.items)} of "
            f"{table.title}, with 95 % intervals, rank ranges and image-blind baselines.",
            "url": f"{site_url}leaderboards/{table.dataset}/{table.track}/",
            "keywords": ("chest X-ray", task.title.lower(), "leaderboard", table.title),
            "creator": {"@type": "Organization", "name": challenge().name, "url": site_url},
            "measurementTechnique": get_dataset(table.dataset).about,
            "variableMeasured": tuple(m.title for m in table.metrics),
            "dateModified": date,
            "distribution": tuple(
                {
                    "@type": "DataDownload",
                    "encodingFormat": kind,
                    "contentUrl": f"{site_url}data/{name}.{end}",
                }
                for end, kind in FORMATS
            ),
        }
    )
