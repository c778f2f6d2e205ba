"""From a file of predictions in any known form to the reports of a dataset, and what was done, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.problems import Problems, Severity, visible
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import reports_of
from evaluator.submissions.convert.account import Tally, describe_reading, describe_texts
from evaluator.submissions.convert.answers import answer_of
from evaluator.submissions.convert.cleaning import KINDS, clean
from evaluator.submissions.convert.columnar import read_parquet, read_workbook
from evaluator.submissions.convert.columns import TextColumns, Wanted, choose_texts
from evaluator.submissions.convert.delimited import read_delimited
from evaluator.submissions.convert.ids import StudyIds, describe_coverage, identify_studies
from evaluator.submissions.convert.json_records import looks_like_json, read_json
from evaluator.submissions.convert.sections import Section, find_headers, split_report
from evaluator.submissions.convert.source import Source, read_source
from evaluator.submissions.convert.table import MISSING, Refused, Row, Table, listed
from evaluator.submissions.convert.values import Sections, text_of
from evaluator.submissions.rules import lookalikes
from evaluator.submissions.rules import text as text_rules

MAX_PROBLEMS: Final = 20
_EXCEL_ERRORS: Final = frozenset({"#NAME?", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NULL!"})
MIN_REFERENCE_WORDS: Final = 8
MIN_EQUAL: Final = 5
EQUAL_SHARE: Final = 0.5
"""If half of the distinct references of eight words or more are found, and at least five, the column has references."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The reports of a source by study, and notes on how they were read."""

    reports: Mapping[str, StudyReport]
    notes: tuple[str, ...]


def convert(
    path: Path,
    dataset: Dataset,
    known: frozenset[str] = frozenset(),
    *,
    wanted: Wanted | None = None,
    references: References | None = None,
    keep: bool = False,
) -> Converted:
    """The reports of a file of predictions for `dataset`.

    `known`: the dataset's study ids, empty if they are not known. `wanted`: columns that were named.
    `references`: to make sure that none of them is taken for a prediction. `keep`: leave invisible characters
    and decoder tokens in the texts. Raises `Refused` with a sentence and a location for each problem; nothing
    is written then.
    """
    source = read_source(path)
    table = read_table(source, known)
    wanted = wanted or Wanted()
    identified = identify_studies(table, dataset, known, wanted)
    texts = choose_texts(table, wanted, {identified.column})
    tally = Tally()
    reports = _reports(table, identified, texts, tally, keep=keep)
    if references is not None:
        _refuse_references(reports, references, table, texts)
    _refuse_what_validate_refuses(reports, dataset, keep=keep)
    coverage = describe_coverage(reports, identified.left_out, dataset, known)
    notes = [
        *describe_reading(source, table, identified, texts, wanted),
        *coverage,
        *describe_texts(tally, keep=keep),
    ]
    return Converted(reports, tuple(notes))


def read_table(source: Source, known: frozenset[str] = frozenset()) -> Table:
    """The table of a source, by its content, not by its name."""
    if source.kind == "parquet":
        return read_parquet(source.data, source.name)
    if source.kind == "zip":
        return read_workbook(source.data, source.name)
    if looks_like_json(source.text):
        return read_json(source.text, source.name, known)
    return read_delimited(source.text, source.name, known)


def _reports(
    table: Table, identified: StudyIds, texts: TextColumns, tally: Tally, *, keep: bool
) -> dict[str, StudyReport]:
    """The report of every study.

    Raises `Refused` for two different reports of one study, and for a value that is not text.
    """
    problems: list[str] = []
    raw: dict[str, tuple[str | Sections | None, str]] = {}
    for number, row in enumerate(table.rows):
        study = identified.studies.get(number)
        if study is None:
            continue
        try:
            value = _raw(table, row, texts)
            _check_id(study, row.where)
        except Refused as error:
            problems += error.problems
            continue
        if study not in raw:
            raw[study] = (value, row.where)
        elif raw[study][0] == value:
            tally.repeated.append(study)
        else:
            problems.append(
                f"{row.where}: the study '{visible(study)}' appeared before, with a different text ({raw[study][1]}). "
                "Keep one report per study."
            )
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise Refused(*problems[:MAX_PROBLEMS], *([f"… and {more:,} more."] if more > 0 else []))
    if not raw:
        raise Refused("the file contains no studies.")
    reports = {s: _report(s, value, texts, tally, keep=keep) for s, (value, _) in raw.items()}
    return _completed(reports, tally)


def _raw(table: Table, row: Row, texts: TextColumns) -> str | Sections | None:
    """A row's text, or its sections if they have their own columns or are separate within one."""
    if texts.text is not None:
        value = row.cells[texts.text]
        if value is MISSING:
            raise Refused(
                f"{row.where}: no field '{visible(table.columns[texts.text])}', which the other rows have."
            )
        return _no_formula(text_of(value, row.where), row.where)
    parts: list[str | None] = []
    for index, name in ((texts.findings, "findings"), (texts.impression, "impression")):
        value = None if index is None else row.cells[index]
        if value is MISSING and name == "findings":
            raise Refused(
                f"{row.where}: no field '{visible(table.columns[index or 0])}', which the other rows have."
            )
        content = _no_formula(text_of(None if value is MISSING else value, row.where), row.where)
        parts.append(getattr(content, name) if isinstance(content, Sections) else content)
    return Sections(parts[0], parts[1])


def _no_formula(value: str | Sections | None, where: str) -> str | Sections | None:
    """The value; raises `Refused` if Excel has replaced the text by an error."""
    if isinstance(value, str) and value.strip() in _EXCEL_ERRORS:
        raise Refused(
            f"{where}: '{value.strip()}' is Excel's error for a text starting with = or -, interpreted as a formula. Format the column as text and paste the report again."
        )
    return value


def _check_id(study: str, where: str) -> None:
    if not study.isprintable() or len(study) > 200:
        raise Refused(f"{where}: the study id '{visible(study)}' contains characters that no id has.")


def _report(
    study: str, value: str | Sections | None, texts: TextColumns, tally: Tally, *, keep: bool
) -> StudyReport:
    if isinstance(value, str):
        value = _unwrapped(study, value, tally, keep=keep)
    if isinstance(value, Sections):
        findings = _section(study, value.findings, Section.FINDINGS, tally, keep=keep) or ""
        impression = _section(study, value.impression, Section.IMPRESSION, tally, keep=keep)
        if texts.text is not None and impression is not None:
            tally.split.append(study)
        report = StudyReport(findings, impression)
    elif value is None:
        report = StudyReport("", None)
    else:
        parts = split_report(value)
        (tally.unsplit if parts.impression is None else tally.split).append(study)
        tally.shortened += [study] if parts.left_out else []
        tally.unsure += [study] if parts.unsure else []
        report = StudyReport(parts.findings, parts.impression)
    if report.empty:
        tally.empty.append(study)
    return report


def _unwrapped(study: str, text: str, tally: Tally, *, keep: bool) -> str | Sections | None:
    """The report within a model's answer, cleaned; its sections if the answer was JSON."""
    for _ in range(2):  # thinking may end with a token, and an introduction may start after one
        answer = answer_of(text)
        text = _cleaned(study, answer.text, tally, keep=keep)
        if answer.wrapped:
            tally.wrapped.setdefault(answer.wrapped, []).append(study)
    return text_of(text, study)


def _section(study: str, text: str | None, section: Section, tally: Tally, *, keep: bool) -> str | None:
    """A separate section, cleaned and without its own header in front."""
    if text is None:
        return None
    text = _cleaned(study, text, tally, keep=keep)
    while True:
        header = next(iter(find_headers(text)), None)
        if header is None or header.section is not section or text[: header.start].strip() or not header.top:
            return text
        if not text[header.end :].strip():
            return text
        text = text[header.end :].strip()
        tally.headers.append(study)


def _cleaned(study: str, text: str, tally: Tally, *, keep: bool) -> str:
    if keep:
        return KINDS[0].clean(text)  # a UTF-8 file cannot contain lone surrogates
    after, kinds = clean(text)
    for kind in kinds:
        ids = tally.cleaned.setdefault(kind, [])
        if not ids or ids[-1] != study:
            ids.append(study)
    return after


def _completed(reports: dict[str, StudyReport], tally: Tally) -> dict[str, StudyReport]:
    """The reports with an impression for every study if any has one: empty where none was found."""
    if all(r.impression is None for r in reports.values()):
        return reports
    unsplit = set(tally.unsplit)
    tally.without = [s for s, r in reports.items() if r.impression is None and s not in unsplit]
    return {s: StudyReport(r.findings, r.impression or "") for s, r in reports.items()}


def _refuse_references(
    reports: Mapping[str, StudyReport], references: References, table: Table, texts: TextColumns
) -> None:
    """Refuses a column that contains the references themselves."""
    counts: dict[str, int] = {}
    pairs = []
    truth = reports_of(references)
    for study, report in reports.items():
        reference = truth.get(study)
        words = _words(f"{reference.findings or ''} {reference.impression or ''}") if reference else ""
        findings = _words((reference.findings or "") if reference else "")
        counts[words] = counts.get(words, 0) + 1
        prediction = _words(report.text)
        pairs.append((words, prediction in {words, findings} or _words(report.findings or "") == findings))
    long = [
        equal for words, equal in pairs if len(words.split()) >= MIN_REFERENCE_WORDS and counts[words] == 1
    ]
    if sum(long) >= MIN_EQUAL and sum(long) >= EQUAL_SHARE * len(long):
        names = [table.columns[i] for i in texts.used]
        raise Refused(
            f"{listed(names)} contains the references: {sum(long):,} of {len(long):,} distinct ones are equal, word for word. "
            "References are never written as predictions; name the column of the predictions with --text-column NAME."
        )


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _refuse_what_validate_refuses(
    reports: Mapping[str, StudyReport], dataset: Dataset, *, keep: bool
) -> None:
    """Refuses texts that `rexrank validate` would refuse, in its words, before anything is written."""
    if keep:
        return
    problems = Problems()
    name = f"{dataset.id}.json"
    text_rules.check_reports(name, "", reports, problems)
    lookalikes.check_lookalikes(name, "", reports, problems)
    errors = [p for p in problems if p.severity is Severity.ERROR]
    if errors:
        more = problems.n_errors - len(errors)
        raise Refused(
            *(f"{p.code} {p.pointer}: {p.found}. Wanted: {p.wanted}. Fix: {p.fix}." for p in errors),
            *([f"… and {more:,} more of the same kinds."] if more else []),
        )
