"""The datasets of the challenge, read from one YAML file each."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    GetPydanticSchema,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import core_schema

from evaluator.core.host_files import Openable, read_host_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.typed import NAMED, Count, Line, Lines, Sha256, Typed, Wrong, disagreement, form
from evaluator.datasets.challenge import Slug, TaskName, challenge, dataset_files
from evaluator.datasets.exposure import EXPOSURES, Access, Exposure
from evaluator.datasets.tasks.task import all_tracks, get_task, task_ids

MANIFEST_SCHEMA: Final = "rexrank/manifest/v1"
TrackName = Annotated[str, GetPydanticSchema(lambda _, __: core_schema.literal_schema(list(all_tracks())))]
"""The id of a track of any task; those of a dataset are the keys of its `tracks`."""
Counts = Annotated[Mapping[Slug, Count | None], Field(json_schema_extra=NAMED)]
"""Per name, how many items have it; null while not measured."""


HttpsAddress = Annotated[
    str, form(r"https://[^\s/@]+\.[^\s@]+", "an https address of a public host", longest=300)
]


class Dataset(Typed):
    """What is known about one dataset apart from its reports: `evaluator/datasets/<id>.yaml`.

    Defaults are the strictest values: `access` is withheld unless the file says otherwise.
    """

    id: SkipJsonSchema[Slug]
    """The file's name."""
    task: TaskName = Field(default="report-generation", description="What a model does with a study.")
    access: Access = Field(
        default="withheld",
        description="Who may read the references: public (everyone), restricted (anyone with credentialed access) or withheld (no participant).",
    )
    title: Line = Field(description="The dataset's name as readers see it.")
    split: Line = Field(description="The scored split, in one or two words.")
    n_studies: Count = Field(description="Studies of the split.")
    n_items: Count | None = Field(
        default=None,
        description="Items of the split, each with a prediction of its own, where they are not the studies (questions).",
    )
    n_patients: Count | None = Field(description="Patients of the split; null while not measured.")
    ids_digest: Sha256 | None = Field(
        description="SHA-256 of the sorted study ids, as `rexrank data check` prints it; null while unknown."
    )
    synthetic: bool = Field(
        default=False, description="Whether the studies are made up and ship with the package."
    )
    tracks: Annotated[Counts, Field(min_length=1)] = Field(
        description="The task's tracks that the dataset has, each with the items that have a reference in it; null while "
        "not measured."
    )
    sections: Counts = Field(
        default={}, description="Items whose reference has a section; null while not measured."
    )
    cluster: Line | None = Field(description="The field that names the patient; null where there is none.")
    subgroups: Lines = Field(default=(), description="Axes by which results are split.")
    training_names: Lines = Field(
        default=(),
        description="Names of training sets that mean: this model was trained on the dataset's source.",
    )
    licence: Line = Field(description="The licence of the references, in a sentence.")
    how_to_get: Line = Field(description="How a participant gets the data, in a sentence.")
    about: Line = Field(description="What the studies are, in a sentence.")
    notes: Lines = Field(default=(), description="Caveats, a sentence each.")
    links: Mapping[Line, HttpsAddress] = Field(default={}, description="https URLs by kind.")

    @property
    def exposure(self) -> Exposure:
        """What may be shown of the dataset, and how often a team may be scored on it."""
        return EXPOSURES[self.access]

    @property
    def size(self) -> int | None:
        """Items of the split, each with its own prediction; `None` if they are not studies and were not counted yet."""
        if self.n_items is not None or get_task(self.task).item != "study":
            return self.n_items
        return self.n_studies

    @field_validator("tracks")
    @classmethod
    def _in_order(cls, tracks: Mapping[str, int | None], info: ValidationInfo) -> Mapping[str, int | None]:
        """The tracks in the order of the task."""
        task = str(info.data.get("task"))
        order = get_task(task).track_ids if task in task_ids() else ()
        return {t: tracks[t] for t in (*order, *(t for t in tracks if t not in order)) if t in tracks}

    @model_validator(mode="after")
    def _fits_task(self) -> Self:
        task = get_task(self.task)
        sections = tuple(dict.fromkeys(f for t in task.tracks for f in t.needs))
        wrongs = [w for t in self.tracks for w in _unknown(t, ("tracks", t), task.track_ids, "tracks")]
        wrongs += [w for s in self.sections for w in _unknown(s, ("sections", s), sections, "sections")]
        counts: dict[tuple[str, ...], int | None] = {("n_patients",): self.n_patients}
        wrongs += [_excess(path, n, self.n_studies) for path, n in counts.items() if n and n > self.n_studies]
        counts = {("tracks", t): n for t, n in self.tracks.items()}
        counts |= {("sections", s): n for s, n in self.sections.items()}
        size = self.size
        wrongs += [_excess(path, n, size) for path, n in counts.items() if n and size and n > size]
        if wrongs:
            raise disagreement(wrongs)
        return self


def _unknown(name: str, path: tuple[str, ...], known: Sequence[str], what: str) -> Iterator[Wrong]:
    """The problem of a name unless it is a known one."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {near[0]}? Otherwise remove it" if near else f"write one of {', '.join(known)}"
        yield path, f"{name!r} is none of the {what}", f"one of {', '.join(known)}", fix


def _excess(path: tuple[str, ...], n: int, most: int) -> Wrong:
    field = "n_studies" if path == ("n_patients",) else "n_studies (or n_items)"
    return path, f"{n:,} of {most:,} studies", f"at most {field}", "correct one of the two"


_FIXES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("references_public", "ids_public"),
        "remove it and write access: public where it was true; else access: restricted where anyone with credentialed access can read the references, or access: withheld where no participant has them",
    ),
    "access": "write access: public, restricted or withheld; a sentence on how to get the data goes to how_to_get",
}
"""What to do about a field of the form before `access` had three values."""


def dataset_ids() -> tuple[str, ...]:
    """Ids of the challenge's datasets, in its order; synthetic ones of its tasks that it does not list come last."""
    order = challenge().datasets
    others = (_read(d) for d in dataset_files() if d not in order)
    return (*order, *(d.id for d in others if d.synthetic and d.task in challenge().tasks))


def example_dataset() -> str:
    """The dataset in example commands on pages and in messages: the first public one, else the first of all."""
    ids = challenge().datasets
    return next((d for d in ids if _read(d).access == "public"), ids[0])


def get_dataset(dataset_id: str) -> Dataset:
    """The dataset with this id.

    Raises `InputError` that lists the known ids for an unknown one, `InvalidFile` with every problem of the
    file.
    """
    if dataset_id not in dataset_ids():
        known = ", ".join(dataset_ids())
        raise InputError(f"unknown dataset {dataset_id!r}; choose one of: {known}.")
    return _read(dataset_id)


@cache
def _read(dataset_id: str) -> Dataset:
    return read_dataset(_folder().joinpath(f"{dataset_id}.yaml"), dataset_id)


def read_dataset(path: Openable, dataset_id: str) -> Dataset:
    """The dataset that a file describes. Raises `InvalidFile` with every problem of it."""
    name = f"evaluator/datasets/{dataset_id}.yaml"
    return read_host_file(path, Dataset, name=name, known={"id": dataset_id}, fixes=_FIXES)


def ids_digest(ids: Iterable[str]) -> str:
    """SHA-256 of the sorted ids joined by newlines, in hexadecimal."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


class Manifest(Typed):
    """`<dataset>.manifest.json`: the ids of a dataset's studies, and no text."""

    schema_: Literal["rexrank/manifest/v1"] = Field(alias="schema")
    dataset: str
    ids: Annotated[tuple[str, ...], Field(strict=False)]
    ids_digest: str = ""
    n: int = 0


def study_ids(dataset: Dataset, references: Path | None = None) -> frozenset[str] | None:
    """The ids a submission must cover, or `None` if no manifest is available.

    Looks for `<references>/<dataset>.manifest.json`, then for what ships with the package: the
    sandbox itself, and the manifests of public datasets. Raises `RexrankError` for a manifest that
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
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        manifest = None
    if (
        manifest is None
        or manifest.dataset != dataset.id
        or (dataset.ids_digest and ids_digest(manifest.ids) != dataset.ids_digest)
    ):
        raise RexrankError(
            f"the id manifest {name} is damaged or belongs to another version of {dataset.id}. "
            "Write it again with: rexrank data manifest DIR"
        )
    return frozenset(manifest.ids)


def _folder() -> Any:
    return resources.files("evaluator.datasets")
