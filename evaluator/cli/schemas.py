"""Writes the JSON Schemas generated from the typed models of host files and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.cli.output import result
from evaluator.cli.schema_examples import HISTORY, OVERVIEW
from evaluator.core.files import write_text
from evaluator.core.typed import json_schema
from evaluator.datasets.challenge import Challenge
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import get_task, task_ids
from evaluator.github.bundle_files import BundleFile
from evaluator.github.score_result import ScoreResult
from evaluator.leaderboard.eligibility import Releases
from evaluator.leaderboard.history import HistoryFile
from evaluator.leaderboard.overall_table import OverallTable
from evaluator.leaderboard.table import Overview, Table
from evaluator.metrics.judges import judges_form
from evaluator.models.lock import ModelsLock
from evaluator.models.manifest import WeightsFile
from evaluator.scoring.record import Record
from evaluator.submissions.inference.studies import StudiesFile
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.task_predictions import predictions_of

if TYPE_CHECKING:
    from pydantic import BaseModel

TITLES: Mapping[str, tuple[type[BaseModel], str]] = {
    "bundle-v1": (BundleFile, "Bundle, version 1"),
    "challenge-v1": (Challenge, "Challenge, version 1"),
    "history-v1": (HistoryFile, "History"),
    "model-card-v1": (ModelCard, "Model card, version 1"),
    "overview-v1": (Overview, "Overview"),
    "score-result-v1": (ScoreResult, "Score result, version 1"),
    "dataset-v1": (Dataset, "Dataset, version 1"),
    "overall-v1": (OverallTable, "Across all datasets"),
    "record-v1": (Record, "Record, version 1"),
    "releases-v1": (Releases, "Releases, version 1"),
    "studies-v1": (StudiesFile, "Studies for a container, version 1"),
    "table-v2": (Table, "Board"),
    "models-lock-v1": (ModelsLock, "Lock of published weights, version 1"),
    "weights-v1": (WeightsFile, "Published weights, version 1"),
}
"""Model and title of each schema, by name, except for prediction files (from the tasks) and judges (from the
metrics)."""


def titles() -> Mapping[str, tuple[type[BaseModel], str]]:
    """Model and title of each schema, by name, including prediction files and judges."""
    forms = [predictions_of(get_task(t)) for t in task_ids()]
    judges = {"judges-v1": (judges_form(), "Judges of a machine, version 1")}
    return {**TITLES, **judges, **{f.schema: (f.model, f.title) for f in forms}}


_ROW: Final = {
    "id": "some-team/some-model",
    "team": "some-team",
    "model": "some-model",
    "name": "Some Model",
    "kind": "submission",
    "status": "active",
    "tied_with_best": True,
    "metrics": {
        "bleu_2": {
            "mean": 0.27,
            "se": 0.0057,
            "low": 0.259,
            "high": 0.282,
            "n": 590,
            "n_failed": 0,
            "display": {"value": 0.27, "low": 0.259, "high": 0.282, "note": ""},
        }
    },
    "record": "records/iu-xray/findings/some-team__some-model.json",
    "badges": [],
    "diagnostics": {},
}
_TABLE: Final = {
    "schema": "rexrank/table/v2",
    "dataset": "iu-xray",
    "track": "findings",
    "title": "IU X-ray",
    "access": "public",
    "n": 590,
    "n_clusters": 590,
    "protocol": "clean",
    "primary": "bleu_2",
    "rule": "primary/v2",
    "rehearsal": False,
    "metrics": [
        {
            "key": "bleu_2",
            "title": "BLEU-2",
            "display_title": "BLEU-2",
            "higher_is_better": True,
            "reciprocal": False,
            "signature": "bleu_2|v1|fast-bleu|weights:1/2,1/2|epsilon:0.1|protocol:clean",
        }
    ],
    "rows": [_ROW],
    "ranks": {"low": [1], "high": [1], "worse_than": [0]},
    "incomplete": [],
    "withdrawn": [],
    "nulls": [],
    "notes": [],
    "resolution": {},
    "sensitivity": {},
}
_OVERALL: Final = {
    "schema": "rexrank/overall/v1",
    "track": "findings",
    "rule": "overall/v1",
    "primary": "radcliq_v1",
    "rehearsal": False,
    "boards": [
        {
            "dataset": "iu-xray",
            "title": "IU X-ray",
            "block": "Mostly normal, outpatients",
            "n": 590,
            "n_clusters": 590,
            "n_models": 1,
            "scale": None,
            "ranks": {"low": [1], "high": [1], "worse_than": [0]},
            "without": {"low": [], "high": []},
        }
    ],
    "ranks": {"low": [], "high": []},
    "step": 0.01,
    "band": None,
    "rows": [
        {
            "id": "some-team/some-model",
            "name": "Some Model",
            "tied_with_best": False,
            "score": None,
            "never_worse": True,
            "lacks": {},
        }
    ],
    "incomplete": [],
    "notes": [
        "There is no overall rank yet: one model is ranked on all of IU X-ray, and a ranking needs at least two."
    ],
}
ENDPOINTS: Final[Mapping[str, Mapping[str, object]]] = {
    "history-v1": {"x-address": "data/history.json", "examples": [HISTORY]},
    "overview-v1": {"x-address": "data/overview.json", "examples": [OVERVIEW]},
    "table-v2": {"x-address": "data/DATASET.TRACK.json", "examples": [_TABLE]},
    "overall-v1": {"x-address": "data/overall.TRACK.json", "examples": [_OVERALL]},
}
"""What the schema of a served file adds to its model: its address and an example."""


OPEN: Final = frozenset({"history-v1", "overview-v1"})
"""Files that are only served: fields may be added, and a reader's validation need not fail on them."""


def _opened(schema: Any, parts: Any) -> Any:
    """A schema with its `parts` in place, whose objects may have additional fields."""
    if isinstance(schema, list):
        return [_opened(inner, parts) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        own = {k: v for k, v in schema.items() if k != "$ref"}
        return _opened({**parts[schema["$ref"].rpartition("/")[2]], **own}, parts)
    return {k: _opened(v, parts) for k, v in schema.items() if (k, v) != ("additionalProperties", False)}


def generated_schemas() -> dict[str, str]:
    """The text of every generated schema, by file name."""
    texts = {}
    for name, (model, title) in titles().items():
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": title,
        }
        fields = {k: v for k, v in json_schema(model).items() if k != "title"}
        if name in OPEN:
            fields = _opened(fields, fields.pop("$defs", {}))
        schema = {**head, **fields, **ENDPOINTS.get(name, {})}
        texts[f"{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return texts


def run_schemas(out: Path) -> int:
    """0 after writing every generated schema to a folder."""
    schemas = generated_schemas()
    result([str(out / name) for name in schemas])
    for name, text in schemas.items():
        write_text(out / name, text)
        print(f"wrote {out / name}")
    return 0
