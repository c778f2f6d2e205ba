"""Reference reports in ReXrank's public data format, with all of its quirks.

The files are JSON with bare `NaN` tokens; sections may be missing, `NaN`, the word "None" or a lone
slash; lists differ in length; ages are damaged by spreadsheets. What cannot be read becomes `None`,
never a guess.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from evaluator.core.files import sha256_bytes, whole_object
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError, visible
from evaluator.core.typed import Lines, Typed
from evaluator.datasets.registry import MANIFEST_SCHEMA, Dataset, Manifest, TrackName, ids_digest, study_ids
from evaluator.datasets.report import StudyReport

_MISSING_WORDS: Final = frozenset({"", "none", "none.", "nan", "nan.", "null", "/", "n/a"})
_AGE: Final = re.compile(r"Age:\s*(\d{1,3})(?:\.0)?(?:-(\d{1,3}))?(?=[.\s]|$)")
_SEX: Final = re.compile(r"Gender:\s*([MF])\b")
_HALF: Final = re.compile("[\ud800-\udfff]")
_COMPARISON: Final = re.compile(r"Comparison:\s*(.*)$", re.DOTALL)
_AGE_GROUPS: Final = ((18, "<18"), (40, "18-39"), (65, "40-64"), (80, "65-79"), (200, "80+"))


@dataclass(frozen=True, slots=True)
class Reference:
    """One study's reference: raw section texts (`None` where missing), patient and subgroups."""

    id: str
    findings: str | None
    impression: str | None
    patient: str
    subgroups: Mapping[str, str]

    def in_track(self, track: TrackName) -> bool:
        """Whether the study has a reference in `track` (the report track needs either section)."""
        return self.findings is not None or (track == "report" and self.impression is not None)


class Planted(Typed):
    """What a maintainer planted to find leaks: `<references>/<id>.planted.json`, each field optional."""

    strings: Lines = Field(default=(), description="Strings that nothing but a leak can bring into a report.")
    swapped: Lines = Field(default=(), description="Ids of studies whose reference is known to be wrong.")


@dataclass(frozen=True, slots=True)
class References:
    """A dataset's references in the order of its sorted ids, and the SHA-256 of the file's bytes."""

    dataset: Dataset
    studies: Mapping[str, Reference]
    digest: str
    planted: Planted = field(default_factory=Planted)


def load_references(dataset: Dataset, directory: Path | None) -> References:
    """The references of `dataset` from `<directory>/<id>.json`; the sandbox ships with the package.

    Raises `RexrankError` saying what to do when the file is absent, unreadable or not the expected
    set of studies.
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
    """The ids a submission must cover: of a manifest, else of the reference file; `None` where neither is there.

    Raises `RexrankError` for a file that is damaged or of another set of studies.
    """
    ids = study_ids(dataset, directory)
    if ids is None and directory is not None and (directory / f"{dataset.id}.json").is_file():
        ids = frozenset(load_references(dataset, directory).studies)
    return ids


def parse_references(dataset: Dataset, data: bytes, name: str = "") -> References:
    """References from the bytes of a file in ReXrank's public data format. See `load_references`."""
    where = name or f"{dataset.id}.json"
    raw = _studies(data, where)
    read = {study: _reference(study, fields, dataset, where) for study, fields in raw.items()}
    if dataset.ids_digest is not None and ids_digest(raw) != dataset.ids_digest:
        raise InputError(
            f"{where} holds {len(raw)} studies that are not the {dataset.n_studies} of {dataset.id} "
            f"({dataset.split}). Check that it is the right split and version."
        )
    return References(dataset, {study: read[study] for study in sorted(read)}, sha256_bytes(data))


def _studies(data: bytes, where: str) -> dict[str, dict[str, Any]]:
    """The fields of every study of a file; NaN is a value of this format, a study that stands twice is not."""
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=whole_object)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}). Download the file again.") from error
    if not isinstance(raw, dict) or not raw or not all(isinstance(v, dict) for v in raw.values()):
        raise InputError(f"{where} must hold an object of studies, each an object of fields.")
    return raw


def parse_reports(path: Path) -> list[StudyReport]:
    """The reports of a file in ReXrank's public data format, without studies that have no text.

    Raises `RexrankError` when the file cannot be read or is not in that format.
    """
    try:
        raw = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read the training reports {path}: {error}.") from error
    if not isinstance(raw, dict) or not all(isinstance(v, dict) for v in raw.values()):
        raise InputError(f"{path} must hold an object of studies, each an object of fields.")
    reports = []
    for study in sorted(raw):
        findings, impression = (section(raw[study].get(f"section_{s}")) for s in ("findings", "impression"))
        if findings or impression:
            reports.append(StudyReport(findings or "", impression or ""))
    return reports


def section(value: object) -> str | None:
    """The raw text of a section, or `None` for every spelling of "missing" that the files use.

    >>> section(float("nan")), section("None."), section(" Clear lungs. ")
    (None, None, ' Clear lungs. ')
    """
    if not isinstance(value, str) or value.strip().lower() in _MISSING_WORDS:
        return None
    return value


def _reference(study: str, fields: Mapping[str, Any], dataset: Dataset, where: str) -> Reference:
    """A study's reference; raises `InputError` for what cannot be read without a guess."""
    findings, impression = fields.get("section_findings"), fields.get("section_impression")
    patient = fields.get(dataset.cluster) if dataset.cluster else None
    fault = None
    if not study.strip():
        fault = "a study has no id"
    elif any(isinstance(t, str) and _HALF.search(t) for t in (study, findings, impression)):
        fault = f"the study {visible(study)!r} holds half of a character"
    elif isinstance(patient, bool) or not (patient is None or isinstance(patient, str | int | float)):
        fault = f"the {dataset.cluster} of the study {visible(study)!r} is neither a text nor a number"
    if fault is not None:
        raise InputError(f"{where}: {fault}. Download the file again, or mend the place.")
    # Studies of which the patient is not known are no one patient: each stands for itself.
    named = _text(patient) if isinstance(patient, str) else isinstance(patient, int) or _finite(patient)
    raw = fields.get("context")
    context = raw if isinstance(raw, str) else ""
    groups = {
        "sex": _sex(fields.get("sex"), context),
        "age_group": age_group(fields.get("age"), context),
        "view": _view(fields.get("ap_pa"), fields.get("frontal_lateral")),
        "prior": _prior(fields.get("comparison"), context),
        "race": _text(fields.get("race")),
    }
    return Reference(
        id=study,
        findings=section(findings),
        impression=section(impression),
        patient=str(patient) if named else study,
        # An axis that cannot be read is left out.
        subgroups={axis: value for axis, value in groups.items() if value is not None},
    )


def _finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _text(value: object) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if text and text.lower() not in {"unknown", "nan", "none"} else None


def _sex(value: object, context: str) -> str | None:
    text = (_text(value) or "")[:1].upper()
    if text in {"M", "F"}:
        return text
    match = _SEX.search(context)
    return match.group(1) if match else None


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


def _view(projection: object, views: object) -> str | None:
    if isinstance(projection, str):
        return projection.upper() if projection.upper() in {"AP", "PA"} else None
    values = {v.strip().lower() for v in views if isinstance(v, str)} if isinstance(views, list) else set()
    if {"frontal", "lateral"} <= values:
        return "frontal+lateral"
    return "frontal" if values == {"frontal"} else None


def _prior(value: object, context: str) -> str | None:
    match = _COMPARISON.search(context)
    stated = value if isinstance(value, str) else match.group(1) if match else None
    if stated is None:
        return None
    bare = stated.strip().rstrip(".").lower()
    return "no" if bare in {"", "none", "nan", "none available", "none."} else "yes"


@dataclass(frozen=True, slots=True)
class ReferenceCounts:
    """What a reference file holds, and where that disagrees with the registry (`problems`)."""

    studies: int
    patients: int
    findings: int
    impressions: int
    tracks: Mapping[TrackName, int]
    ids_digest: str
    ids_digest_known: bool
    file_digest: str
    problems: tuple[str, ...]


def check_references(references: References) -> ReferenceCounts:
    """What `rexrank data check` prints: counts, digests, sections present, agreement with the registry."""
    dataset, studies = references.dataset, references.studies
    tracks = {t: sum(r.in_track(t) for r in studies.values()) for t in dataset.tracks}
    wrong = []
    if len(studies) != dataset.n_studies:
        wrong.append(f"{len(studies)} studies found, {dataset.n_studies} wanted")
    wrong += [
        f"{tracks[t]} studies with a reference in the {t} track, {n} wanted"
        for t, n in dataset.tracks.items()
        if n is not None and tracks[t] != n
    ]
    return ReferenceCounts(
        studies=len(studies),
        patients=len({r.patient for r in studies.values()}),
        findings=sum(r.findings is not None for r in studies.values()),
        impressions=sum(r.impression is not None for r in studies.values()),
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
