"""Predictions in other formats, turned into a submission file; references are never carried along."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from evaluator.core.problems import RexrankError, visible
from evaluator.datasets.report import StudyReport

MAX_SOURCE_BYTES: Final = 200_000_000
_MAX_CELL: Final = 10_000_000
_ID_FIELDS: Final = ("study_id", "id", "study")
_TEXT_FIELDS: Final = ("model_prediction", "prediction", "report", "text")

# A header: the word and a colon wherever a word may start ("clear.Impression:"), or the word alone in
# capitals or marked up where a line or a sentence starts. Marks are those of Markdown, HTML and brackets.
_OPEN: Final = r"(?:<[a-z]{1,6}>|[\[*#_]|(?<=[*#_])[ ]){0,8}"
_CLOSE: Final = r"(?:</[a-z]{1,6}>|[\]*_]){0,8}"
_BOTH: Final = r"(?:findings?\s*(?:and|&|/)\s*impressions?)"
_IMPRESSION: Final = r"(?:impressions?|conclusions?)"
_START: Final = r"(?:(?<![A-Za-z])|(?<=[a-z])(?=(?-i:[A-Z])))"
_SENTENCE: Final = r"(?:\A\s*|(?<=\n)[ \t]*|(?<=[.!?]) +)"
_LINE: Final = r"(?:\A[ \t]*|(?<=\n)[ \t]*)"


def _headers(name: str) -> re.Pattern[str]:
    coloned = rf"{_START}{_OPEN}{name}{_CLOSE}\s*[:\uff1a]{_CLOSE}\s*"
    bracketed = rf"\[{name}\]\s*"
    alone = rf"{_LINE}{_OPEN}{name}{_CLOSE}[ \t]*(?:\n\s*|\Z)"
    return re.compile(rf"{coloned}|{bracketed}|{alone}", re.IGNORECASE)


_BOTH_HEADER: Final = _headers(_BOTH)
_FINDINGS_HEADER: Final = _headers("findings?")
_IMPRESSION_HEADER: Final = _headers(_IMPRESSION)
_SHOUTED_FINDINGS: Final = re.compile(rf"{_SENTENCE}FINDINGS?\b(?:\s*-)?\s*")
_SHOUTED_IMPRESSION: Final = re.compile(rf"{_SENTENCE}(?:IMPRESSION|CONCLUSION)S?\b(?:\s*-)?\s*")
_PREAMBLE: Final = re.compile(
    r"\W*(?:(?:final )?report|exam(?:ination)?|indications?|(?:clinical )?(?:history|information)|techniques?|procedure"
    r"|comparisons?|reason for exam(?:ination)?|study|views?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Converted:
    """The reports of a source, and what people should know about how they were read."""

    reports: Mapping[str, StudyReport]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A text split into sections: `impression` is `None` where no header was found.

    `left_out` is what stood before the findings header under other headers (indication, technique).
    """

    findings: str
    impression: str | None
    left_out: str = ""


def split_report(text: str) -> Split:
    """A report's sections by its "Findings:" and "Impression:" headers, in the spellings in use.

    >>> split_report("Findings:Clear.Impression:Normal.")
    Split(findings='Clear.', impression='Normal.', left_out='')
    >>> split_report("The lungs are clear.").impression is None
    True
    """
    both = _BOTH_HEADER.match(text.lstrip())
    body = text.lstrip()[both.end() :] if both else text
    match = _first_header(body, _IMPRESSION_HEADER, _SHOUTED_IMPRESSION)
    if match is None:
        findings, left_out = _findings_of(body)
        return Split(findings, None, left_out)
    before, after = body[: match.start()], body[match.end() :]
    later = _first_header(after, _FINDINGS_HEADER, _SHOUTED_FINDINGS)
    if not _tidy(before) and later:  # impression first, findings after it
        return Split(_tidy(after[later.end() :]), _tidy(after[: later.start()]))
    findings, left_out = _findings_of(before)
    return Split(findings, _tidy(after), left_out)


def _first_header(text: str, plain: re.Pattern[str], shouted: re.Pattern[str]) -> re.Match[str] | None:
    found = plain.search(text)
    if found is None and not text.isupper():  # in a text of capitals a word in capitals is no header
        found = shouted.search(text)
    return found


def _findings_of(text: str) -> tuple[str, str]:
    """The findings without their header, and what of other sections stood before it."""
    match = _first_header(text, _FINDINGS_HEADER, _SHOUTED_FINDINGS)
    if match is None:
        return _tidy(text), ""
    before = _tidy(text[: match.start()])
    if before and not _PREAMBLE.match(before):  # a report that only mentions its findings
        return _tidy(text), ""
    return _tidy(text[match.end() :]), before


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
        if not study.strip():
            raise RexrankError(f"{where}: the study id is empty.")
        if _whole(study) != study:
            raise RexrankError(f"{where}: the study id holds half of a character.")
        rows[study] = value
    if not rows:
        raise RexrankError(f"{source} holds no study.")
    return _assemble(rows)


@dataclass
class _Tally:
    """Studies by what was done with them."""

    split: int = 0
    unsplit: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    shortened: list[str] = field(default_factory=list)
    halves: list[str] = field(default_factory=list)


def _assemble(rows: Mapping[str, Any]) -> Converted:
    tally = _Tally()
    reports: dict[str, StudyReport] = {}
    for study, value in rows.items():
        report = value if isinstance(value, StudyReport) else _split(study, value, tally)
        whole = StudyReport(_whole(report.findings), _whole(report.impression))
        if whole != report:
            tally.halves.append(study)
        if whole.empty:
            tally.empty.append(study)
        reports[study] = whole
    if any(r.impression is not None for r in reports.values()):
        unsplit = set(tally.unsplit)
        # A model with impressions gives one for every study: where none was found it is empty.
        tally.without = [s for s, r in reports.items() if r.impression is None and s not in unsplit]
        reports = {s: StudyReport(r.findings, r.impression or "") for s, r in reports.items()}
    return Converted(reports, tuple(_notes(tally)))


def _split(study: str, value: Any, tally: _Tally) -> StudyReport:
    parts = split_report(str(value or ""))
    tally.split += parts.impression is not None
    if parts.impression is None:
        tally.unsplit.append(study)
    if parts.left_out:
        tally.shortened.append(study)
    return StudyReport(parts.findings, parts.impression)


_Text = TypeVar("_Text", str, str | None)


def _whole(text: _Text) -> _Text:
    """`text` with halves of characters, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text if text is None else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _notes(tally: _Tally) -> Iterator[str]:
    if tally.split:
        yield f"{tally.split:,} reports split into findings and impression"
    if tally.split and tally.unsplit:
        yield (
            f"{len(tally.unsplit):,} reports had no impression header; their whole text is findings, their impression "
            f"empty (first: {_first(tally.unsplit)})"
        )
    elif tally.unsplit:
        yield f"no impression header in any of {len(tally.unsplit):,} reports: they enter the findings track only"
    if tally.without:
        yield f"{len(tally.without):,} studies had no impression; it is empty (first: {_first(tally.without)})"
    if tally.shortened:
        yield (
            f"{len(tally.shortened):,} reports had other sections before the findings; these are left out "
            f"(first: {_first(tally.shortened)})"
        )
    if tally.halves:
        yield (
            f"{len(tally.halves):,} reports held halves of characters, now U+FFFD (first: {_first(tally.halves)})"
        )
    if tally.empty:
        yield (
            f"{len(tally.empty):,} studies have no report; they are empty and score worst "
            f"(first: {_first(tally.empty)})"
        )


def _first(ids: list[str]) -> str:
    return visible(", ".join(ids[:5]), 200)


Row = tuple[str, str, Any]


def _load(text: str, where: str) -> Any:
    """The value of a JSON text. Raises `RexrankError` for what is no JSON and for a key that comes twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            twice = next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
            raise RexrankError(f"{where}: the key {visible(twice)!r} stands twice in one object.")
        return value

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise RexrankError(f"{where} is not JSON: {error}.") from error


def _from_json(text: str, name: str) -> Iterator[Row]:
    value = _load(text, name)
    if isinstance(value, list):
        for number, row in enumerate(value, start=1):
            yield _from_row(row, f"{name}, entry {number}")
        return
    if not isinstance(value, dict):
        raise RexrankError(
            f'{name}: wanted an object of studies, like {{"<study id>": {{"model_prediction": "…"}}}}.'
        )
    for study, content in value.items():
        where = f"{name}, study {visible(study)}"
        yield where, study, _text_of(content, where)


def _from_row(row: Any, where: str) -> Row:
    """The study of one object that holds its own id."""
    study = next((row[f] for f in _ID_FIELDS if f in row), None) if isinstance(row, dict) else None
    if not isinstance(study, str | int) or isinstance(study, bool):
        raise RexrankError(f"{where}: no study id; wanted one of the fields {', '.join(_ID_FIELDS)}.")
    return where, str(study), _text_of(row, where)


def _text_of(content: Any, where: str) -> Any:
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, dict):
        if content.get("findings") is not None and "model_prediction" not in content:
            findings = _plain(content["findings"], where) or ""
            return StudyReport(findings, _plain(content.get("impression"), where))
        for name in _TEXT_FIELDS:
            # A reference file has "report" beside "section_findings"; that is no prediction.
            if name in content and (name == "model_prediction" or "section_findings" not in content):
                return _plain(content[name], where)
    raise RexrankError(f"{where}: no prediction found; looked for findings, {', '.join(_TEXT_FIELDS)}.")


def _plain(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN, as pandas writes a missing text
        return None
    raise RexrankError(f"{where}: the prediction is {type(value).__name__}, not a text.")


def _from_jsonl(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{name}, line {number}"
            yield _from_row(_load(line, where), where)


def _from_csv(text: str, name: str) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    columns = reader.fieldnames or []
    id_column = next((c for c in _ID_FIELDS if c in columns), None)
    text_column = next((c for c in _TEXT_FIELDS if c in columns), None)
    if id_column is None or (text_column is None and "findings" not in columns):
        raise RexrankError(
            f"{name}: wanted a header with study_id and report (or findings, impression), separated by commas; "
            f"found {visible(', '.join(columns), 200)!r}."
        )
    try:
        for row in reader:
            where = f"{name}, line {reader.line_num}"
            if "" in row and "" not in columns:
                raise RexrankError(f"{where}: more cells than columns; put texts with commas in quotes.")
            if text_column is None:
                yield where, row[id_column] or "", StudyReport(row["findings"] or "", row.get("impression"))
            else:
                yield where, row[id_column] or "", row[text_column]
    except csv.Error as error:
        raise RexrankError(f"{name}, line {reader.line_num} is not CSV: {error}.") from error


_READERS: Final[dict[str, Callable[[str, str], Iterator[Row]]]] = {
    ".json": _from_json,
    ".jsonl": _from_jsonl,
    ".csv": _from_csv,
}
