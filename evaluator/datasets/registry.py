"""The datasets of the challenge, read from one YAML file each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from evaluator.core.problems import RexrankError

TrackName = Literal["findings", "report"]
TRACKS: Final[tuple[TrackName, ...]] = ("findings", "report")
MANIFEST_SCHEMA: Final = "rexrank/manifest/v1"


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is known of one dataset without its reports.

    `n_studies` counts the test split; `tracks` maps each track to the number of studies that have
    a reference in it, or `None` where that number has not been measured; `ids_digest` is
    `ids_digest(ids)` or `None` while unknown; `references_public` says whether reference texts,
    per-study scores and study ids may be shown; `training_names` are the names of the training
    registry that mean "this model was trained on this dataset's source"; `sections` counts the studies
    whose reference has a section, as far as measured; `links` are https addresses by what is there.
    """

    id: str
    title: str
    split: str
    n_studies: int
    ids_digest: str | None
    references_public: bool
    ids_public: bool
    synthetic: bool
    tracks: dict[TrackName, int | None]
    cluster: str | None
    n_patients: int | None
    subgroups: tuple[str, ...]
    training_names: tuple[str, ...]
    licence: str
    access: str
    about: str
    notes: tuple[str, ...] = ()
    sections: Mapping[str, int | None] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@cache
def dataset_ids() -> tuple[str, ...]:
    """Ids of all datasets, in the order of the tables."""
    order = ("rexgradient", "mimic-cxr", "iu-xray", "chexpert-plus", "sandbox")
    found = {p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml")}
    # tie: none, ids differ
    return tuple(sorted(found, key=lambda i: (order.index(i) if i in order else len(order), i)))


@cache
def get_dataset(dataset_id: str) -> Dataset:
    """The dataset of this id. Raises `RexrankError` that lists the known ids for another."""
    if dataset_id not in dataset_ids():
        known = ", ".join(dataset_ids())
        raise RexrankError(f"there is no dataset {dataset_id!r}; choose one of: {known}.")
    raw: dict[str, Any] = yaml.safe_load(_folder().joinpath(f"{dataset_id}.yaml").read_text("utf-8"))
    for name in ("subgroups", "training_names", "notes"):
        raw[name] = tuple(raw.get(name) or ())
    return Dataset(id=dataset_id, **raw)


def ids_digest(ids: Iterable[str]) -> str:
    """SHA-256 of the sorted ids joined by newlines, in hexadecimal."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def study_ids(dataset: Dataset, references: Path | None = None) -> frozenset[str] | None:
    """The ids a submission must cover, or `None` where no manifest is at hand.

    Looks for `<references>/<dataset>.manifest.json`, then for what ships with the package: the
    sandbox itself, and the manifests of datasets whose ids may be public. Raises `RexrankError` for a manifest that
    is damaged or disagrees with the registry's digest.
    """
    name = f"{dataset.id}.manifest.json"
    if references is not None and (references / name).is_file():
        return _read_manifest(dataset, (references / name).read_text("utf-8"), str(references / name))
    if dataset.synthetic:
        data = resources.files("evaluator.datasets.sandbox").joinpath(f"{dataset.id}.json").read_bytes()
        return frozenset(json.loads(data))
    shipped = _folder().joinpath("manifests", name)
    if shipped.is_file():
        return _read_manifest(dataset, shipped.read_text("utf-8"), name)
    return None


def _read_manifest(dataset: Dataset, text: str, name: str) -> frozenset[str]:
    try:
        raw = json.loads(text)
        ids = [str(i) for i in raw["ids"]]
        ok = raw["schema"] == MANIFEST_SCHEMA and raw["dataset"] == dataset.id
    except (ValueError, KeyError, TypeError):
        ok, ids = False, []
    if not ok or (dataset.ids_digest and ids_digest(ids) != dataset.ids_digest):
        raise RexrankError(
            f"the id manifest {name} is damaged or belongs to another version of {dataset.id}. "
            "Write it again with: rexrank data manifest DIR"
        )
    return frozenset(ids)


def _folder() -> Any:
    return resources.files("evaluator.datasets")
