"""References of report generation: reports in ReXrank's public data format, with all of its quirks.

The files are JSON with bare `NaN` tokens; sections may be missing, `NaN`, the word "None" or a lone slash;
lists differ in length; ages are damaged by spreadsheets. Anything unreadable becomes `None`, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from evaluator.core.problems import InputError, visible
from evaluator.core.types import Pair
from evaluator.datasets.protocol import ProtocolName, clean_section, scored_part
from evaluator.datasets.references import References, TaskReferences, age_group, patient_of
from evaluator.datasets.registry import Dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.tasks.report_generation import TASK

_MISSING_WORDS: Final = frozenset({"", "none", "none.", "nan", "nan.", "null", "/", "n/a"})
_SEX: Final = re.compile(r"Gender:\s*([MF])\b")
_HALF: Final = re.compile("[\ud800-\udfff]")
_COMPARISON: Final = re.compile(r"Comparison:\s*(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """One study's reference: raw section texts (`None` where missing), patient and subgroups."""

    id: str
    findings: str | None
    impression: str | None
    patient: str
    subgroups: Mapping[str, str]

    def in_track(self, track: str) -> bool:
        """Whether the study has a reference in `track` (`report` needs either section)."""
        return any(section is not None for section in self.sections(track).values())

    def sections(self, track: str) -> dict[str, str | None]:
        """By title, the sections that a track compares, `None` for one that the reference lacks."""
        sections = {"findings": self.findings, "impression": self.impression}
        return {name.capitalize(): sections[name] for name in TASK.track(track).needs}


def parse_reports(path: Path) -> list[StudyReport]:
    """The reports of a file in ReXrank's public data format, without studies that have no text.

    Raises `InputError` if the file cannot be read or is not in that format.
    """
    try:
        raw = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read the training reports {path}: {error}.") from error
    if not isinstance(raw, dict) or not all(isinstance(v, dict) for v in raw.values()):
        raise InputError(f"{path} must be an object of studies, each an object of fields.")
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


def text_of(value: object) -> str | None:
    """A value's text, or `None` if it is empty."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text and text.lower() not in {"unknown", "nan", "none"} else None


def _sex(value: object, context: str) -> str | None:
    text = (text_of(value) or "")[:1].upper()
    if text in {"M", "F"}:
        return text
    match = _SEX.search(context)
    return match.group(1) if match else None


def _view(projection: object, views: object) -> str | None:
    if isinstance(projection, str):
        return projection.upper() if projection.upper() in {"AP", "PA"} else None
    values = {v.strip().lower() for v in views if isinstance(v, str)} if isinstance(views, list) else set()
    if {"frontal", "lateral"} <= values:
        return "frontal+lateral"
    return "frontal" if values == {"frontal"} else None


def _prior(value: object, context: str) -> str | None:
    match = _COMPARISON.search(context)
    words = value if isinstance(value, str) else match.group(1) if match else None
    if words is None:
        return None
    bare = words.strip().rstrip(".").lower()
    return "no" if bare in {"", "none", "nan", "none available", "none."} else "yes"


def pair_texts(
    reference: Reference, report: StudyReport, track: str, protocol: ProtocolName
) -> tuple[str, str]:
    """(reference text, prediction text) of one study; only for studies with `in_track(track)`.

    Under `compat` a track of one section compares it as it is, and the report track `Findings: F Impression:
    I` with the word "None" for a missing section, as the public evaluation script composes it. Under `clean`,
    a section that the reference lacks is left out on both sides. Only the `scored_part` of a prediction
    counts.
    """
    sections = {
        title: (text, scored_part(report.fields.get(title.lower(), "")))
        for title, text in reference.sections(track).items()
    }
    if len(sections) == 1:
        ((own, predicted),) = sections.values()
        return (
            (own or "", predicted) if protocol == "compat" else (clean_section(own), clean_section(predicted))
        )
    if protocol == "compat":
        own, predicted = (
            " ".join(f"{title}: {texts[side]}" for title, texts in sections.items()) for side in (0, 1)
        )
        return own, predicted
    by_section = {
        t: (clean_section(own), clean_section(predicted)) for t, (own, predicted) in sections.items()
    }
    own, predicted = (
        " ".join(f"{t}: {texts[side]}" for t, texts in by_section.items() if texts[0] and texts[side])
        for side in (0, 1)
    )
    return own, predicted


_EMPTY: Final = StudyReport("", "")
_SHAPES: Final = tuple(
    Reference("x", findings, impression, "x", {})
    for findings, impression in (("x", None), (None, "x"), ("x", "x"))
)


class ReportReferences(TaskReferences[Reference, StudyReport]):
    """How references of reports are read and compared."""

    def read(self, item: str, fields: Mapping[str, JsonValue], dataset: Dataset, where: str) -> Reference:
        """A study's reference; raises `InputError` for anything that cannot be read without guessing."""
        findings, impression = fields.get("section_findings"), fields.get("section_impression")
        if any(isinstance(t, str) and _HALF.search(t) for t in (item, findings, impression)):
            raise InputError(
                f"{where}: the study {visible(item)!r} contains a lone surrogate. Download the file again, or fix it there."
            )
        raw = fields.get("context")
        context = raw if isinstance(raw, str) else ""
        groups = {
            "sex": _sex(fields.get("sex"), context),
            "age_group": age_group(fields.get("age"), context),
            "view": _view(fields.get("ap_pa"), fields.get("frontal_lateral")),
            "prior": _prior(fields.get("comparison"), context),
            "race": text_of(fields.get("race")),
        }
        return Reference(
            id=item,
            findings=section(findings),
            impression=section(impression),
            patient=patient_of(item, fields, dataset, where),
            # An axis that cannot be read is left out.
            subgroups={axis: value for axis, value in groups.items() if value is not None},
        )

    def pair(
        self, reference: Reference, prediction: StudyReport | None, track: str, protocol: ProtocolName
    ) -> Pair:
        """The two texts of a study; a missing report is compared as an empty text."""
        own, predicted = pair_texts(reference, prediction or _EMPTY, track, protocol)
        return Pair(reference.id, own, "" if prediction is None else predicted)

    def written(self, prediction: StudyReport, track: str, protocol: ProtocolName) -> set[str]:
        """The report with either section or both: no public text may show which of them the reference has."""
        return {pair_texts(shape, prediction, track, protocol)[1] for shape in _SHAPES}

    def counts(self, references: Iterable[Reference]) -> Mapping[str, int]:
        """How many studies have each section."""
        studies = list(references)
        return {
            "findings": sum(r.findings is not None for r in studies),
            "impression": sum(r.impression is not None for r in studies),
        }


REPORTS: Final = ReportReferences()


def reports_of(references: References) -> Mapping[str, Reference]:
    """The references of a report-generation dataset, typed as such."""
    return cast("Mapping[str, Reference]", references.studies)
