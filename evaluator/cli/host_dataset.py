"""A dataset's file, measured from its references."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml
from pydantic import JsonValue

from evaluator.core.counts import count_text
from evaluator.core.files import parse_strict, write_text
from evaluator.core.problems import InputError, visible
from evaluator.datasets.references import check_references, load_references
from evaluator.datasets.registry import Dataset, read_dataset
from evaluator.datasets.tasks.task import get_task

PATIENT_FIELDS: Final = ("subject_id", "patient_id", "PatientID")
"""Fields of references that name the patient, the first that every study has."""
TABLES: Final = (".csv", ".tsv", ".xlsx", ".parquet", ".jsonl")
"""Extensions of files with the same contents as a table."""
FORM: Final = (
    'Write them as one JSON object, {"<study id>": {"section_findings": "…", "section_impression": "…", "subject_id": "…"}}; '
    'from a table with pandas: table.set_index("id").to_json("my-set.json", orient="index").'
)
HEAD: Final = "# Public facts about {id}, counted from its references. `rexrank data check DIR` compares them with it.\n"
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "public": {
        "licence": "As its source says; the references are in this repository.",
        "how_to_get": "The references are in the folder references of this repository.",
    },
    "restricted": {
        "licence": "As its source says; the references may not be redistributed.",
        "how_to_get": "From the dataset's source, with its credentials.",
    },
    "withheld": {
        "licence": "Withheld: the steward holds the references and does not distribute them.",
        "how_to_get": "Held by the steward; no participant has the references.",
    },
}
"""Placeholder text on licence and access until the host replaces it."""


@dataclass(frozen=True, slots=True)
class MeasuredDataset:
    """The text of a dataset's file, the dataset, and its counts in a sentence."""

    text: str
    dataset: Dataset
    words: str


def measure(dataset: str, references: Path, access: str, task: str) -> MeasuredDataset:
    """The file of a dataset, from `<references>/<dataset>.json`: counts, digest, tracks, patients.

    Raises `InputError` if they cannot be read as references of the task.
    """
    path = references / f"{dataset}.json"
    if not path.is_file():
        there = [p.name for p in (path.with_suffix(s) for s in TABLES) if p.is_file()]
        table = f" (there is {', '.join(there)})" if there else ""
        raise InputError(f"there is no {path}{table}: references are named after their dataset. {FORM}")
    studies = _studies(path)
    fields, lacking = _patient_field(studies)
    draft: dict[str, JsonValue] = {
        "title": dataset.replace("-", " ").title(),
        "task": task,
        "split": "test",
        "access": access,
        "n_studies": 1,
        "n_items": 1,
        "n_patients": None,
        "ids_digest": None,
        "tracks": dict.fromkeys((t.id for t in get_task(task).tracks if not t.optional), None),
        "sections": {},
        "cluster": fields,
        "subgroups": [],
        "training_names": [dataset],
        **WORDS[access],
        "about": f"The {get_task(task).items} of {dataset}.",
    }
    counts = check_references(load_references(_read(draft, dataset), references))
    whole = draft | {
        "n_studies": counts.items,
        "n_patients": counts.patients if fields else None,
        "ids_digest": counts.ids_digest,
        "tracks": {t: n for t, n in counts.tracks.items() if n},
        "sections": {s: n for s, n in counts.others.items() if n} if task == "report-generation" else {},
    }
    del whole["n_items"]
    if get_task(task).item != "study":
        whole["n_items"] = counts.items
        whole["n_studies"] = counts.others.get("studies", counts.items)
    if not whole["tracks"]:
        names = sorted({str(k) for s in studies[:1] for k in s})
        fields_there = f" The first has the fields {visible(', '.join(names))}." if names else ""
        raise InputError(
            f"{path}: no {get_task(task).item} has a reference in a track of {task}.{fields_there} {FORM}"
        )
    result = _read(whole, dataset)
    tracks = ", ".join(f"{t} {n:,}" for t, n in result.tracks.items())
    patients = f" of {count_text(counts.patients, 'patient')} (by {fields})"
    if not fields:
        patients = f", each treated as a separate patient{lacking}"
    words = (
        f"{count_text(counts.items, get_task(task).item, get_task(task).items)}{patients}; tracks: {tracks}"
    )
    return MeasuredDataset(_text(whole, dataset), result, words)


def _studies(path: Path) -> list[Mapping[str, JsonValue]]:
    """The studies of a file of references; raises `InputError` if it is not one JSON object of objects."""
    try:
        studies = parse_strict(path.read_bytes().replace(b"NaN", b"null"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not JSON ({error}). {FORM}") from error
    if not isinstance(studies, dict):
        raise InputError(f"{path} must be an object of studies, each an object of fields. {FORM}")
    return [s for s in studies.values() if isinstance(s, dict)]


def _patient_field(studies: Sequence[Mapping[str, JsonValue]]) -> tuple[str | None, str]:
    """The field that names the patient of every study or, without one, how many studies lack it."""
    lacking = {f: sum(s.get(f) in (None, "") for s in studies) for f in PATIENT_FIELDS}
    field = next((f for f, n in lacking.items() if studies and not n), None)
    some = [f"{n:,} of {len(studies):,} lack {f}" for f, n in lacking.items() if n < len(studies)]
    return field, f" ({'; '.join(some)})" if some else ""


def _text(values: Mapping[str, JsonValue], dataset: str) -> str:
    return HEAD.format(id=dataset) + yaml.safe_dump(
        dict(values), sort_keys=False, allow_unicode=True, width=118
    )


def _read(values: Mapping[str, JsonValue], dataset: str) -> Dataset:
    """The dataset that a draft describes, read in the same way as its file will be."""
    with TemporaryDirectory() as scratch:
        draft = Path(scratch) / f"{dataset}.yaml"
        write_text(draft, _text(json.loads(json.dumps(values)), dataset))
        return read_dataset(draft, dataset)
