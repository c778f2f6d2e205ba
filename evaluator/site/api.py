"""The JSON that others may build on: index with digests, one file per model, badges, schemas, documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from markupsafe import Markup
from pydantic import Field

from evaluator.core.files import sha256_bytes
from evaluator.core.version import __version__
from evaluator.datasets.challenge import challenge
from evaluator.datasets.tasks.task import get_task, task_ids, track_title
from evaluator.leaderboard.history import HISTORY_SCHEMA, HistoryFile
from evaluator.leaderboard.overall_files import overall_csv, overall_pairs_csv
from evaluator.leaderboard.row import Entry as Part
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text, table_csv, table_markdown
from evaluator.scoring.record import RecordCard
from evaluator.site.board.latex import table_latex
from evaluator.site.compare import compare_files
from evaluator.site.content import Content, schema_text
from evaluator.site.hub import hub_files
from evaluator.site.openapi import ADDRESS, openapi
from evaluator.site.paperswithcode import sota_tasks
from evaluator.site.served import compact, served
from evaluator.site.template import own, render
from evaluator.site.views import Fact
from evaluator.submissions.task_predictions import predictions_of

ENDPOINTS: Final = (
    "index-v1",
    "overview-v1",
    "table-v2",
    "overall-v1",
    "model-v1",
    "history-v1",
    "compare-index-v1",
    "compare-v2",
    "case-models-v1",
    "case-index-v1",
)
"""Schemas of what the site serves, in the order of the documentation."""
SCHEMAS: Final = (
    *ENDPOINTS, "record-v1", "model-card-v1",
    *(predictions_of(get_task(t)).schema for t in task_ids()),
    "challenge-v1", "dataset-v1", "judges-v1", "models-lock-v1", "releases-v1", "studies-v1", "weights-v1",
)  # fmt: skip
MARK: Final = "<!-- rexrank:endpoints -->"


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field of a file; `inner`: the fields of its entries."""

    name: str
    about: str
    inner: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A kind of file that the site serves."""

    title: str
    anchor: str
    address: Markup
    about: Markup
    schema: Markup
    fields: tuple[FieldLine, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Every kind of file that the site serves."""

    endpoints: tuple[Endpoint, ...]


def large_files(content: Content, small: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The pairs by model, one file at a time, then the index of these and of the data files in `small`."""
    digests = {name: sha256_bytes(body.encode()) for name, body in small.items() if name.startswith("data/")}
    for name, body in compare_files(content):
        data = served(name, body)
        digests[name] = sha256_bytes(data)
        yield name, data
    files = [
        {"path": name.removeprefix("data/"), "sha256": digest} for name, digest in sorted(digests.items())
    ]
    index = {"schema": "rexrank/index/v1", "evaluator_version": __version__, "files": files}
    yield "data/index.json", compact(index).encode()


def fill(docs: Path) -> None:
    """Replaces the comment of the API page below `docs` by every endpoint's description."""
    path = docs / "api.md"
    if path.is_file():
        path.write_text(path.read_text("utf-8").replace(MARK, endpoint_pages()), "utf-8")


def endpoint_pages() -> str:
    """Every endpoint as Markdown: address, contents, fields, an example; only from the schemas."""
    endpoints = tuple(_endpoint(name, json.loads(schema_text(name))) for name in ENDPOINTS)
    return render("endpoints.md", view=Endpoints(endpoints))


def _endpoint(name: str, schema: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        title=schema["title"],
        anchor=name.rpartition("-")[0],
        address=own(schema["x-address"]),
        about=own(schema["description"]),
        schema=own(name),
        fields=tuple(_field(key, value) for key, value in schema["properties"].items()),
        examples=tuple(json.dumps(e, ensure_ascii=False, indent=2) for e in schema.get("examples", ())),
    )


def _field(name: str, value: Mapping[str, Any]) -> FieldLine:
    """A field's description, with those of its entries' fields."""
    inner = value.get("items", {}).get("properties", {})
    return FieldLine(
        name=name,
        about=value.get("description", ""),
        inner=tuple(Fact(k, v.get("description", "").removesuffix(".")) for k, v in inner.items()),
    )


def small_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site's sources and text of every data file that goes through the builder."""
    for (dataset, track), table in content.tables.items():
        name = f"data/{dataset}.{track}"
        yield f"{name}.json", compact(table.view())
        yield f"{name}.csv", table_csv(table)
        yield f"{name}.tex", table_latex(table, content.site_url)
        yield f"{name}.md.txt", table_markdown(table)
    yield "data/overview.json", compact(content.overview.view())
    for overall in content.overall.values():
        name = f"data/overall.{overall.track}"
        yield f"{name}.json", compact(overall.view())
        yield f"{name}.csv", overall_csv(overall)
        if overall.pairs:
            yield f"{name}.pairs.csv", overall_pairs_csv(overall)
    yield (
        "data/history.json",
        compact(HistoryFile(schema=HISTORY_SCHEMA, events=tuple(content.history)).view()),
    )
    yield from hub_files(content)
    yield "data/paperswithcode.json", compact([t.view() for t in sota_tasks(content)])
    yield ADDRESS, compact(openapi(ENDPOINTS, content.site_url))
    for name in SCHEMAS:
        yield f"data/schemas/{name}.schema.json", schema_text(name)
    for model in content.models:
        yield f"data/models/{model}.json", compact(model_json(model, content).view())
        for table, row, _ in content.models[model]:
            badge = f"data/badges/{model}/{table.dataset}.{table.track}.json"
            yield badge, compact(badge_json(table, row).view())


class BoardRow(Part):
    """A model's row on one board, among `n_models` ranked ones."""

    dataset: str
    track: str
    n_models: int
    row: Row


class ModelFile(Part):
    """A model's card and its row on every board."""

    schema_: Literal["rexrank/model/v1"] = Field(alias="schema")
    id: str
    card: RecordCard
    boards: tuple[BoardRow, ...]


class ShieldsBadge(Part):
    """A badge in the format of the shields endpoint."""

    schema_version: Literal[1] = Field(alias="schemaVersion")
    label: str
    message: str
    color: Literal["inactive", "blue"]


def model_json(model: str, content: Content) -> ModelFile:
    """A model's card and its row on every board."""
    entries = content.models[model]
    boards = tuple(
        BoardRow(dataset=t.dataset, track=t.track, n_models=len(t.rows), row=r) for t, r, _ in entries
    )
    return ModelFile(schema="rexrank/model/v1", id=model, card=entries[0].record.card, boards=boards)


def badge_json(table: Table, row: Row) -> ShieldsBadge:
    """A badge in the format of the shields endpoint."""
    ranked = row.rank_low is not None
    words = f"rank {rank_text(row)} of {len(table.rows)}" if ranked else "not ranked"
    return ShieldsBadge(
        schemaVersion=1,
        label=f"{challenge().short} {table.title} {track_title(table.track)}",
        message=f"{words} (rehearsal)" if table.rehearsal else words,
        color="inactive" if not ranked or table.rehearsal else "blue",
    )
