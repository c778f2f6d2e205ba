"""Predictions in other formats, turned into a submission file; references are never carried along."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.problems import RexrankError, visible
from evaluator.submission import StudyReport

MAX_SOURCE_BYTES: Final = 200_000_000
_ID_FIELDS: Final = ("study_id", "id", "study")
_TEXT_FIELDS: Final = ("model_prediction", "prediction", "report", "text")
_BOTH: Final = re.compile(r"\A\W*(?:findings?\s+(?:and|&)\s+impressions?)\s*[:\-]\s*", re.IGNORECASE)
_FINDINGS_ANYWHERE: Final = re.compile(r"(?:(?<=[.\s*#])|\A)\**findings?\**\s*:\**\s*", re.IGNORECASE)
_SHOUTED: Final = re.compile(r"(?:(?<=[.\n\s])|\A)(?:IMPRESSIONS?|CONCLUSIONS?)\b\s*[:\-]?\s*")


@dataclass(frozen=True, slots=True)
class Converted:
    """The reports of a source, and what people should know about how they were read."""

    reports: Mapping[str, StudyReport]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A text split into sections: `impression` is `None` where no header was found."""

    findings: str
    impression: str | None


def split_report(text: str) -> Split:
    """A report's sections by its "Findings:" and "Impression:" headers, in the spellings in use.

    >>> split_report("Findings:Clear.Impression:Normal.")
    Split(findings='Clear.', impression='Normal.')
    >>> split_report("The lungs are clear.")
    Split(findings='The lungs are clear.', impression=None)
    """
    body = _BOTH.sub("", text, count=1)
    match = _header(body)
    if match is None:
        return Split(_without_findings_header(body), None)
    before, after = body[: match.start()], body[match.end() :]
    later = _FINDINGS_ANYWHERE.search(after)
    if not before.strip(" \n\t*#") and later:  # impression first, findings after it
        return Split(_tidy(after[later.end() :]), _tidy(after[: later.start()]))
    return Split(_without_findings_header(before), _tidy(after))


def _header(body: str) -> re.Match[str] | None:
    coloned = re.search(
        r"(?:(?<![A-Za-z])|(?<=[.a-z])(?=[A-Z]))\**(?:impressions?|conclusions?)\**\s*:\**\s*",
        body,
        re.IGNORECASE,
    )
    return coloned or _SHOUTED.search(body)


def _without_findings_header(text: str) -> str:
    match = re.match(
        r"\s*[#*]*\s*findings?\s*[#*]*\s*:\**\s*|\s*FINDINGS?\b\s*[:\-]?\s*", text, re.IGNORECASE
    )
    if match and (":" in match.group() or match.group().strip().isupper()):
        text = text[match.end() :]
    return _tidy(text)


def _tidy(text: str) -> str:
    return text.strip().strip("*#").strip()


def convert(source: Path) -> Converted:
    """The predictions of a ReXrank JSON, CSV or JSONL file.

    Raises `RexrankError` with a sentence that names the place for what cannot be read.
    """
    try:
        if source.stat().st_size > MAX_SOURCE_BYTES:
            raise RexrankError(
                f"{source} is larger than {MAX_SOURCE_BYTES // 1_000_000} MB; is it a prediction file?"
            )
        text = source.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RexrankError(f"{source} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise RexrankError(f"cannot read {source}: {error.strerror}.") from error
    reader = _READERS.get(source.suffix.lower())
    if reader is None:
        raise RexrankError(f"{source}: wanted a .json, .csv or .jsonl file.")
    rows: dict[str, Any] = {}
    for where, study, value in reader(text, str(source)):
        if study in rows:
            raise RexrankError(f"{where}: the study {visible(study)!r} was there before.")
        rows[study] = value
    return _assemble(rows)


def _assemble(rows: Mapping[str, Any]) -> Converted:
    reports: dict[str, StudyReport] = {}
    split = 0
    unsplit: list[str] = []
    nothing: list[str] = []
    for study, value in rows.items():
        if isinstance(value, StudyReport):
            reports[study] = value
            continue
        if value is None or not str(value).strip():
            nothing.append(study)
        parts = split_report(str(value or ""))
        split += parts.impression is not None
        if parts.impression is None:
            unsplit.append(study)
        reports[study] = StudyReport(parts.findings, parts.impression)
    if split and unsplit:
        # A model with impressions gives one for every study: where none was found it is empty.
        reports = {
            s: r if r.impression is not None else StudyReport(r.findings, "") for s, r in reports.items()
        }
    return Converted(reports, tuple(_notes(split, unsplit, nothing)))


def _notes(split: int, unsplit: list[str], nothing: list[str]) -> Iterator[str]:
    if split:
        yield f"{split:,} reports split into findings and impression"
    if split and unsplit:
        yield (
            f"{len(unsplit):,} reports had no impression header; their whole text is findings, their impression empty "
            f"(first: {_first(unsplit)})"
        )
    elif unsplit:
        yield f"no impression header in any of {len(unsplit):,} reports: they enter the findings track only"
    if nothing:
        yield f"{len(nothing):,} studies have no report; they are empty and score worst (first: {_first(nothing)})"


def _first(ids: list[str]) -> str:
    return visible(", ".join(ids[:5]), 200)


def dump_predictions(reports: Mapping[str, StudyReport]) -> str:
    """A submission file's text: keys sorted, one study a line."""
    lines = []
    for study in sorted(reports):
        report = reports[study]
        body = {"findings": report.findings}
        if report.impression is not None:
            body["impression"] = report.impression
        lines.append(f"{json.dumps(study, ensure_ascii=False)}: {json.dumps(body, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


Row = tuple[str, str, Any]


def _from_json(text: str, name: str) -> Iterator[Row]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RexrankError(f"{name} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise RexrankError(
            f'{name}: wanted an object of studies, like {{"<study id>": {{"model_prediction": "…"}}}}.'
        )
    for study, content in value.items():
        yield f"{name}, study {visible(study)}", study, _text_of(content, f"{name}, study {visible(study)}")


def _text_of(content: Any, where: str) -> Any:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, dict):
        if isinstance(content.get("findings"), str) and "model_prediction" not in content:
            impression = content.get("impression")
            return StudyReport(content["findings"], impression if isinstance(impression, str) else None)
        for field in _TEXT_FIELDS:
            # A reference file has "report" beside "section_findings"; that is no prediction.
            if field in content and (field == "model_prediction" or "section_findings" not in content):
                return _plain(content[field], where)
    raise RexrankError(f"{where}: no prediction found; looked for findings, {', '.join(_TEXT_FIELDS)}.")


def _plain(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN, as pandas writes a missing text
        return None
    raise RexrankError(f"{where}: the prediction is {type(value).__name__}, not a text.")


def _from_jsonl(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RexrankError(f"{where} is not JSON: {error}.") from error
        study = next((row[f] for f in _ID_FIELDS if f in row), None) if isinstance(row, dict) else None
        if study is None or not isinstance(study, str | int):
            raise RexrankError(f"{where}: no study id; wanted one of the fields {', '.join(_ID_FIELDS)}.")
        yield where, str(study), _text_of(row, where)


def _from_csv(text: str, name: str) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = reader.fieldnames or []
    id_column = next((c for c in _ID_FIELDS if c in columns), None)
    text_column = next((c for c in _TEXT_FIELDS if c in columns), None)
    if id_column is None or (text_column is None and "findings" not in columns):
        raise RexrankError(
            f"{name}: wanted a header with study_id and report (or findings, impression); found {columns}."
        )
    for row in reader:
        where = f"{name}, line {reader.line_num}"
        if text_column is None:
            yield where, row[id_column], StudyReport(row["findings"] or "", row.get("impression"))
        else:
            yield where, row[id_column], row[text_column]


_READERS: Final[dict[str, Callable[[str, str], Iterator[Row]]]] = {
    ".json": _from_json,
    ".jsonl": _from_jsonl,
    ".csv": _from_csv,
}
