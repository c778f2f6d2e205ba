"""The shape of a prediction file (RX206–RX211). The JSON Schema decides; a fast path spares it the valid studies."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from evaluator.core.problems import Problems, Severity, pointer
from evaluator.datasets.registry import Dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.tasks.task import get_task
from evaluator.submissions.parsing import line_of
from evaluator.submissions.report_file import SECTIONS, Study

FIELDS: Final = frozenset(SECTIONS)
OLD_FIELDS: Final = frozenset(
    {
        "model_prediction",
        "section_findings",
        "section_impression",
        "report",
        "image_path",
        "key_image_path",
        "context",
    }
)
_REFERENCE_FIELD: Final = re.compile(
    r"(?:gt|gts|ground_?truths?|references?|ref|targets?|labels?|truth|gold|true|original)"
    r"(?:_(?:findings|impression|reports?|text|sections?|captions?))?|section_\w{1,40}|(?:findings|impression|report)_(?:gt|ref|reference|target|label)",
    re.IGNORECASE,
)
"""Field names of references in public evaluation scripts."""


def well_formed(study: Any) -> bool:
    """Whether a study certainly follows the schema; in all other cases the schema decides."""
    return (
        type(study) is dict
        and 1 <= len(study) <= len(FIELDS)
        and all(k in FIELDS and type(v) is str for k, v in study.items())
    )


def check_shape(file: str, text: str, value: Any, dataset: str, problems: Problems) -> dict[str, StudyReport]:
    """The studies that have the right shape, after reporting every one that does not."""
    if not isinstance(value, dict):
        problems.add(
            "RX206",
            file,
            found=f"the file contains {kind_of(value)}",
            wanted='an object: {"<study id>": {"findings": "…", "impression": "…"}}',
            fix=f"write it with: rexrank convert PREDICTIONS --dataset {dataset} --out FOLDER",
        )
        return {}
    if fields := _fields_of_references(value):
        _report_references(file, value, fields, dataset, problems)
        return {}
    good = {}
    for study, content in value.items():
        if well_formed(content):
            good[study] = StudyReport(content.get("findings"), content.get("impression"))
        else:
            _report_study(file, text, study, content, problems)
    return good


def holds_reference(field: str) -> bool:
    """Whether a field has a name that old ReXrank files and evaluation scripts use for references.

    >>> [holds_reference(f) for f in ("gt_findings", "Ground_Truth", "section_impression", "findings", "target_dose")]
    [True, True, True, False, False]
    """
    return field in OLD_FIELDS or bool(_REFERENCE_FIELD.fullmatch(field.strip()))


def _fields_of_references(value: Mapping[str, Any]) -> list[str]:
    fields = {k for v in value.values() if isinstance(v, dict) for k in v}
    return sorted(filter(holds_reference, fields))


def _report_references(
    file: str, value: Mapping[str, Any], names: list[str], dataset: str, problems: Problems
) -> None:
    form = "ReXrank's old format" if OLD_FIELDS.issuperset(names) else "fields for references"
    predictions = any(
        isinstance(v, dict) and not {*v}.isdisjoint({"model_prediction", *FIELDS}) for v in value.values()
    )
    problems.add(
        "RX209",
        file,
        found=f"{form}, with {', '.join(names)}",
        wanted="predictions only; references never travel in a submission",
        fix=f"run: {convert_command(file, dataset)} (it replaces the file; do not commit the old one)"
        if predictions or "section_findings" not in names
        else "remove the file from every commit: it contains references and no predictions",
    )


def _report_study(file: str, text: str, study: str, content: Any, problems: Problems) -> None:
    """Reports everything wrong with a study's shape; nothing if the model of a study accepts it."""
    line = partial(line_of, text, study)

    def add(code: str, *path: str | int, found: str, wanted: str, fix: str) -> None:
        where = pointer(study, *path)
        problems.add(code, file, pointer=where, line=line, found=found, wanted=wanted, fix=fix)

    try:
        Study.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return
    if extra := sorted(str(d["loc"][0]) for d in details if d["type"] == "extra_forbidden"):
        names = ", ".join(map(repr, extra[:5]))
        add(
            "RX208",
            found=f"unknown fields: {names}",
            wanted="findings and impression only",
            fix="remove them",
        )
    for detail in details:
        if detail["type"] == "disagreement":
            _report_no_findings(file, text, study, problems)
        elif detail["type"] != "extra_forbidden" and detail["loc"]:
            fix = 'put the text in quotes, or "" where the model produced nothing'
            add("RX207", *detail["loc"], found=kind_of(detail["input"]), wanted="a string", fix=fix)
        elif not detail["loc"]:
            wanted = 'an object: {"findings": "…", "impression": "…"}'
            fix = 'wrap the text: {"findings": "<the text>"}'
            add("RX206", found=f"the study is {kind_of(content)}", wanted=wanted, fix=fix)


def convert_command(file: str, dataset: str) -> str:
    """The command that rewrites a prediction file in place, ready to run.

    >>> convert_command("submissions/acme/m1/my-set.json", "my-set")
    'rexrank convert submissions/acme/m1/my-set.json --dataset my-set --out submissions/acme/m1'
    """
    folder = file.rpartition("/")[0] or "."
    return f"rexrank convert {shlex.quote(file)} --dataset {dataset} --out {shlex.quote(folder)}"


def kind_of(value: Any) -> str:
    """What a JSON value is, in words.

    >>> kind_of(None), kind_of([])
    ('null', 'a list')
    """
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names[type(value)]


def check_sections(
    file: str, text: str, studies: Mapping[str, StudyReport], dataset: Dataset, problems: Problems
) -> None:
    """RX206, RX210 and RX213: a section in every study or in none, and those that a track needs."""
    without = {name: [s for s, r in studies.items() if name not in r.fields] for name in SECTIONS}
    there = [name for name in SECTIONS if len(without[name]) < len(studies)]
    if "findings" in there:
        for study in without["findings"]:
            _report_no_findings(file, text, study, problems)
    if "impression" in there and (lacking := without["impression"]):
        problems.add(
            "RX210",
            file,
            pointer=pointer(lacking[0]),
            found=f"{len(lacking)} of {len(studies)} studies have no impression (first: {', '.join(lacking[:5])})",
            wanted="an impression for every study (findings + impression track) or for none (findings track)",
            fix='add the missing ones ("" where the model produced none), or remove the field everywhere',
        )
    if there and not any(without[name] for name in there):
        _check_tracks(file, there, dataset, problems)


def _report_no_findings(file: str, text: str, study: str, problems: Problems) -> None:
    problems.add(
        "RX206",
        file,
        pointer=pointer(study),
        line=partial(line_of, text, study),
        found="no findings",
        wanted='{"findings": "…"}; an empty string for an empty report',
        fix="add the field",
    )


def _check_tracks(file: str, there: Sequence[str], dataset: Dataset, problems: Problems) -> None:
    """RX213: the dataset has a track for the sections that every study has."""
    tracks = [get_task(dataset.task).track(t) for t in dataset.tracks]
    if any(set(t.needs) <= set(there) for t in tracks):
        return
    needs = "; ".join(f"{' and '.join(t.needs)} ({t.title} track)" for t in tracks)
    # tie: the first track
    lacking = min(([n for n in t.needs if n not in there] for t in tracks), key=len)
    problems.add(
        "RX213",
        file,
        found=f"{' and '.join(there)} alone",
        wanted=f"in every study the sections of a track of {dataset.id}: {needs}",
        fix=f'add {" and ".join(lacking)} to every study ("" where the model produced none)',
    )


def check_order(file: str, text: str, ids: Sequence[str], problems: Problems) -> None:
    """RX211, a warning: keys sorted, one study per line."""
    lines = text.count("\n")
    if list(ids) != sorted(ids) or lines < len(ids):
        what = "the studies are not sorted" if list(ids) != sorted(ids) else "several studies are on one line"
        problems.add(
            "RX211",
            file,
            severity=Severity.WARNING,
            found=what,
            wanted="sorted by id, one study per line, so that changes are readable",
            fix=f"type: {convert_command(file, file.rpartition('/')[2].removesuffix('.json'))}",
        )
