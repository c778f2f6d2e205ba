"""The site's files as an OpenAPI description, from the same list of endpoints as the page about them.

Format: OpenAPI 3.1.1, https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from evaluator.core.version import __version__
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import dataset_ids
from evaluator.datasets.tasks.task import all_tracks
from evaluator.site.content import schema_text
from evaluator.site.served import PACKED

ADDRESS: Final = "data/openapi.json"
_SLUG: Final = "^[a-z0-9][a-z0-9.-]{0,39}$"
_WORDS: Final[Mapping[str, Mapping[str, JsonValue]]] = {
    "DATASET": {"type": "string", "enum": [*dataset_ids()]},
    "TRACK": {"type": "string", "enum": [*all_tracks()]},
    "TEAM": {"type": "string", "pattern": _SLUG},
    "MODEL": {"type": "string", "pattern": _SLUG},
    "NAME": {"type": "string"},
}
"""The placeholders in an address, and their allowed values."""
_WORD: Final = re.compile("|".join(_WORDS))


class Plain(NamedTuple):
    """A file without one of our schemas: address, media type, description."""

    address: str
    media: str
    about: str


PLAIN: Final = (
    Plain("data/DATASET.TRACK.csv", "text/csv", "A board as CSV."),
    Plain("data/DATASET.TRACK.tex", "application/x-tex", "A board as a LaTeX table."),
    Plain("data/DATASET.TRACK.md.txt", "text/plain", "A board as a Markdown table."),
    Plain("data/overall.TRACK.csv", "text/csv", "The ranking across all datasets as CSV."),
    Plain("data/overall.TRACK.pairs.csv", "text/csv", "The tests that rank across all datasets as CSV, one row per pair of models."),
    Plain("data/badges/TEAM/MODEL/DATASET.TRACK.json", "application/json", "A badge for the shields endpoint."),
    Plain("data/hub/models/TEAM/MODEL/rexrank.DATASET.TRACK.yaml", "application/yaml", "A row for a model card on the Hugging Face Hub."),
    Plain("data/hub/datasets/DATASET/eval.yaml", "application/yaml", "The file that makes a dataset a benchmark on the Hugging Face Hub."),
    Plain("data/paperswithcode.json", "application/json", "Every board in the Papers with Code format."),
    Plain("data/schemas/NAME.schema.json", "application/schema+json", "A JSON Schema."),
    Plain("feed.json", "application/feed+json", "The newest events as JSON Feed 1.1."),
    Plain("feed.xml", "application/atom+xml", "The newest events as Atom."),
)  # fmt: skip
"""Files in third-party formats."""


def openapi(endpoints: Sequence[str], site_url: str) -> dict[str, JsonValue]:
    """The description of the schemas' endpoints, by their names, and of the files in third-party formats."""
    return {
        "openapi": "3.1.1",
        "info": {
            "title": challenge().name,
            "summary": "Boards, models, comparisons and history as static files.",
            "description": "Static files: no key, no limit. URLs and fields are stable; a change of meaning gets a new version.",
            "version": __version__,
            "license": {"name": "MIT", "url": f"{challenge().repository_url}/blob/main/LICENSE"},
        },
        "servers": [{"url": site_url.rstrip("/")}],
        "paths": dict(_paths(endpoints)),
    }


def _paths(endpoints: Sequence[str]) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    for name in endpoints:
        schema = json.loads(schema_text(name))
        # The schema's file is next to it, so its own references keep working.
        yield _path(schema["x-address"], schema["title"], schema["description"], _json(name, schema))
    for file in PLAIN:
        yield _path(file.address, file.about.rstrip("."), file.about, {file.media: {}})


def _json(name: str, schema: Mapping[str, Any]) -> dict[str, JsonValue]:
    """An endpoint's response: JSON that follows a schema, compressed if its address says so."""
    reference: JsonValue = {"$ref": f"schemas/{name}.schema.json"}
    if schema["x-address"].endswith(PACKED):
        return {
            "application/gzip": {
                "schema": {"contentMediaType": "application/json", "contentSchema": reference}
            }
        }
    return {"application/json": {"schema": reference}}


def _path(
    address: str, title: str, about: str, content: Mapping[str, JsonValue]
) -> tuple[str, dict[str, JsonValue]]:
    """A templated path and its response."""
    words = dict.fromkeys(_WORD.findall(address))
    answer: JsonValue = {"description": title, "content": dict(content)}
    absent: JsonValue = {"description": "There is no such file."}
    parameters: list[JsonValue] = [
        {"name": w.lower(), "in": "path", "required": True, "schema": dict(_WORDS[w])} for w in words
    ]
    item: dict[str, JsonValue] = {
        "get": {
            "operationId": re.sub(r"[^A-Za-z0-9]+", "_", address).strip("_").lower(),
            "summary": title,
            "description": about,
            "responses": {"200": answer, "404": absent},
        }
    }
    if parameters:
        item["parameters"] = parameters
    return f"/{_WORD.sub(lambda m: f'{{{m[0].lower()}}}', address)}", item
