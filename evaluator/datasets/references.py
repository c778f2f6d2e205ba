"""References of a dataset: what the files of all tasks have in common, and what a task defines for one item.

A file is one JSON object of items, each an object of fields; bare `NaN` tokens are values of this format.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pydantic import Field, JsonValue

from evaluator.core.counts import count_text
from evaluator.core.files import sha256_bytes, whole_object
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError, visible
from evaluator.core.typed import Lines, Typed
from evaluator.core.types import Pair
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.registry import MANIFEST_SCHEMA, Dataset, Manifest, ids_digest, study_ids
from evaluator.datasets.tasks.task import Item, Prediction, Task, get_task, load, track_title

_AGE: Final = re.compile(r"Age:\s*(\d{1,3})(?:\.0)?(?:-(\d{1,3}))?(?=[.\s]|$)")
_AGE_GROUPS: Final = ((18, "<18"), (40, "18-39"), (65, "40-64"), (80, "65-79"), (200, "80+"))
_HALF: Final = re.compile("[\ud800-\udfff]")
R = TypeVar("R", bound=Item)
P = TypeVar("P", bound=Prediction)


class TaskReferences(ABC, Generic[R, P]):
    """How a task's references are read, and which part of an item is compared."""

    @abstractmethod
    def read(self, item: str, fields: Mapping[str, JsonValue], dataset: Dataset, where: str) -> R:
        """The reference of one item of a file.

        Raises `InputError` for anything that cannot be read without guessing.
        """

    @abstractmethod
    def pair(self, reference: R, prediction: P | None, track: str, protocol: ProtocolName) -> Pair:
        """The pair that metrics compare; only for an item with `in_track(track)`.

        An item without a prediction (`None`) is compared with an empty text: it gets the worst score and is
        never left out.
        """

    def written(self, prediction: P, track: str, protocol: ProtocolName) -> set[str]:  # noqa: ARG002 - of a task whose texts depend on them
        """The forms that a prediction may take in a pair, whatever its reference."""
        return {" ".join(prediction.fields.values())}

    def counts(self, references: Iterable[R]) -> Mapping[str, int]:  # noqa: ARG002 - of a task that counts
        """Further counts for `rexrank data check`, by name."""
        return {}


def references_of(task: Task) -> TaskReferences[Any, Any]:
    """How references of a task are read."""
    form: TaskReferences[Any, Any] = load(task.references_by)
    return form


class Planted(Typed):
    """Items that a maintainer planted to detect leaks: `<references>/<id>.planted.json`, each field optional."""

    strings: Lines = Field(default=(), description="Strings that nothing but a leak can bring into a report.")
    swapped: Lines = Field(default=(), description="Ids of studies whose reference is known to be wrong.")


@dataclass(frozen=True, slots=True)
class References:
    """A dataset's references in the order of its sorted ids, and the SHA-256 of the file's bytes."""

    dataset: Dataset
    studies: Mapping[str, Item]
    digest: str
    planted: Planted = field(default_factory=Planted)

    def pairs(self, predictions: Mapping[str, Prediction], track: str, protocol: ProtocolName) -> list[Pair]:
        """Every item that has a reference in the track, paired with its prediction, in the order of the ids."""
        form = references_of(get_task(self.dataset.task))
        return [
            form.pair(item, predictions.get(i), track, protocol)
            for i, item in sorted(self.studies.items())
            if item.in_track(track)
        ]


def load_references(dataset: Dataset, directory: Path | None) -> References:
    """The references of `dataset` from `<directory>/<id>.json`; the sandbox ships with the package.

    Raises `InputError` saying what to do if the file is missing, unreadable or has other studies than
    expected.
    """
    if dataset.synthetic:
        data = resources.files("evaluator.datasets.sandbox").joinpath(f"{dataset.id}.json").read_bytes()
        return parse_references(dataset, data)
    if directory is None:
        raise InputError(
            f"the references of {dataset.id} do not ship with the package and no directory is given. "
            f"Put them as {dataset.id}.json in a directory and name it with --references "
            "(or REXRANK_REFERENCES)."
        )
    path = directory / f"{dataset.id}.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the references of {dataset.id} from {path}: {error.strerror}. "
            f"How to get them: {dataset.how_to_get}"
        ) from error
    references = parse_references(dataset, data, name=str(path))
    planted = directory / f"{dataset.id}.planted.json"
    return replace(references, planted=read_host_file(planted, Planted)) if planted.exists() else references


def known_ids(dataset: Dataset, directory: Path | None) -> frozenset[str] | None:
    """The ids a submission must cover: from a manifest, else from the reference file; `None` without either.

    Raises `RexrankError` for a file that is damaged or has other studies.
    """
    ids = study_ids(dataset, directory)
    if ids is None and directory is not None and (directory / f"{dataset.id}.json").is_file():
        ids = frozenset(load_references(dataset, directory).studies)
    return ids


def parse_references(dataset: Dataset, data: bytes, name: str = "") -> References:
    """The references in the bytes of a file. Raises `InputError` as `load_references`."""
    where = name or f"{dataset.id}.json"
    raw = _studies(data, where)
    task = get_task(dataset.task)
    form = references_of(task)
    items = {item: form.read(item, fields, dataset, where) for item, fields in raw.items()}
    if dataset.ids_digest is not None and ids_digest(raw) != dataset.ids_digest:
        raise InputError(
            f"{where} contains {len(raw):,} {task.items} that are not the {dataset.size or 'ones'} of {dataset.id} "
            f"({dataset.split}). Check that it is the right split and version."
        )
    return References(dataset, {study: items[study] for study in sorted(items)}, sha256_bytes(data))


def _studies(data: bytes, where: str) -> dict[str, dict[str, Any]]:
    """The fields of every study of a file; NaN is valid in this format, a repeated study is not."""
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=whole_object)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}). Download the file again.") from error
    if not isinstance(raw, dict) or not raw or not all(isinstance(v, dict) for v in raw.values()):
        raise InputError(f"{where} must be an object of studies, each an object of fields.")
    return raw


def patient_of(item: str, fields: Mapping[str, JsonValue], dataset: Dataset, where: str) -> str:
    """The patient of an item, or the item itself if unknown, so that unknown patients are not taken for one.

    Raises `InputError` for an item without an id, and for a patient that is neither a text nor a number.
    """
    patient = fields.get(dataset.cluster) if dataset.cluster else None
    fault = None
    if not item.strip():
        fault = f"a {get_task(dataset.task).item} has no id"
    elif isinstance(patient, bool) or not (patient is None or isinstance(patient, str | int | float)):
        fault = f"the {dataset.cluster} of {visible(item)!r} is neither a text nor a number"
    elif isinstance(patient, str) and _HALF.search(patient):
        fault = f"the {dataset.cluster} of {visible(item)!r} contains a lone surrogate"
    if fault is not None:
        raise InputError(f"{where}: {fault}. Download the file again, or fix it there.")
    if isinstance(patient, str):
        name = patient.strip().lower()
        return item if name in {"", "unknown", "nan", "none"} else patient
    known = isinstance(patient, int) or (isinstance(patient, float) and math.isfinite(patient))
    return str(patient) if known else item


def age_group(value: object, context: str = "") -> str | None:
    """The age band of a number of years, of a band in the context, or `None` for damaged ages.

    >>> age_group(77.0), age_group(None, "Age:50-60.Gender:M."), age_group(None, "Age:20-Oct.")
    ('65-79', '40-64', None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        match = _AGE.search(context)
        if not match:
            return None
        value = (int(match.group(1)) + int(match.group(2) or match.group(1))) / 2
    if not 0 <= value <= 120:
        return None
    return next(name for limit, name in _AGE_GROUPS if value < limit)


@dataclass(frozen=True, slots=True)
class ReferenceCounts:
    """The counts of a reference file, and where they disagree with the registry (`problems`).

    `others`: further counts of its task (reports: their sections).
    """

    items: int
    patients: int
    others: Mapping[str, int]
    tracks: Mapping[str, int]
    ids_digest: str
    ids_digest_known: bool
    file_digest: str
    problems: tuple[str, ...]


def check_references(references: References) -> ReferenceCounts:
    """What `rexrank data check` prints: counts, digests, sections present, agreement with the registry."""
    dataset, studies = references.dataset, references.studies
    tracks = {t: sum(r.in_track(t) for r in studies.values()) for t in dataset.tracks}
    wrong = []
    task = get_task(dataset.task)
    if dataset.size is not None and len(studies) != dataset.size:
        wrong.append(f"{count_text(len(studies), task.item, task.items)} found, {dataset.size:,} wanted")
    wrong += [
        f"{count_text(tracks[t], task.item, task.items)} with a reference in the {track_title(t)} track, {n:,} wanted"
        for t, n in dataset.tracks.items()
        if n is not None and tracks[t] != n
    ]
    return ReferenceCounts(
        items=len(studies),
        patients=len({r.patient for r in studies.values()}),
        others=references_of(task).counts(studies.values()),
        tracks=tracks,
        ids_digest=ids_digest(studies),
        ids_digest_known=dataset.ids_digest is not None,
        file_digest=references.digest,
        problems=tuple(wrong),
    )


def manifest(references: References) -> Manifest:
    """The id manifest a hosted runner needs for coverage checks: ids and counts, no text."""
    return Manifest(
        schema=MANIFEST_SCHEMA,
        dataset=references.dataset.id,
        ids=tuple(sorted(references.studies)),
        ids_digest=ids_digest(references.studies),
        n=len(references.studies),
    )
