"""Writes the JSON Schemas that follow from the typed models of host files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.core.files import write_text
from evaluator.core.host_files import json_schema
from evaluator.datasets.registry import Dataset
from evaluator.leaderboard.eligibility import Releases
from evaluator.models.judges.config import JudgesFile
from evaluator.models.weights import WeightsFile
from evaluator.scoring.quota import Policy
from evaluator.scoring.record import Record
from evaluator.submissions.outcome import SITE_URL

if TYPE_CHECKING:
    from pydantic import BaseModel

TITLES: Mapping[str, tuple[type[BaseModel], str]] = {
    "dataset-v1": (Dataset, "ReXrank dataset, version 1"),
    "judges-v1": (JudgesFile, "ReXrank judges of a machine, version 1"),
    "policy-v1": (Policy, "ReXrank policy, version 1"),
    "record-v1": (Record, "ReXrank record, version 1"),
    "releases-v1": (Releases, "ReXrank releases, version 1"),
    "weights-v1": (WeightsFile, "ReXrank published weights, version 1"),
}
"""Model and title of each schema, by its name."""


def generated_schemas() -> dict[str, str]:
    """The text of every generated schema, by file name."""
    texts = {}
    for name, (model, title) in TITLES.items():
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{SITE_URL}data/schemas/{name}.schema.json",
            "title": title,
        }
        schema = {**head, **{k: v for k, v in json_schema(model).items() if k != "title"}}
        texts[f"{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


def run_schemas(out: Path) -> int:
    """0 after writing every generated schema to a folder."""
    for name, text in generated_schemas().items():
        write_text(out / name, text)
        print(f"wrote {out / name}")
    return 0
