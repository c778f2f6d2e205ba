"""What a conversion did, in words: how the source was read, and what was done to the texts, with counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.submissions.convert.cleaning import KINDS
from evaluator.submissions.convert.columns import Role, TextColumns, Wanted, role_of
from evaluator.submissions.convert.ids import StudyIds
from evaluator.submissions.convert.source import Source
from evaluator.submissions.convert.table import Table, first_ids, listed

LISTED: Final = 20
"""How many columns, and ids of reports that could not be split, are listed."""


@dataclass
class Tally:
    """Studies by what was done to their text."""

    split: list[str] = field(default_factory=list)
    unsplit: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    shortened: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    wrapped: dict[str, list[str]] = field(default_factory=dict)
    cleaned: dict[str, list[str]] = field(default_factory=dict)


def describe_reading(
    source: Source, table: Table, identified: StudyIds, texts: TextColumns, wanted: Wanted
) -> list[str]:
    """How the source was read: form, encoding, rows, columns used and unused."""
    encoding = f" in {source.encoding}" if source.encoding else ""
    packed = "gzip of " if source.packed else ""
    columns = {identified.column, *texts.used}
    lines = [
        f"read {packed}{table.how}{encoding}: {count_text(len(table.rows), 'row')}",
        *table.notes,
        f"study ids: {table.named(identified.column)}",
        *identified.notes,
    ]
    if texts.text is not None:
        lines.append(f"text: {table.named(texts.text)}")
    else:
        lines.append(f"findings: {table.named(texts.findings or 0)}")
        if texts.impression is not None:
            lines.append(f"impression: {table.named(texts.impression)}")
    options = [n for n in (wanted.text, wanted.findings, wanted.impression) if n is not None]
    if doubtful := [n for n in options if role_of(n) is Role.REFERENCE]:
        lines.append(
            f"note: {listed(doubtful)} looks like the name of a reference column, and was used because you named it"
        )
    rest = [c for i, c in enumerate(table.columns) if i not in columns]
    if rest:
        lines.append(f"ignored columns: {listed(rest, LISTED)}")
    return lines


def describe_texts(tally: Tally, *, keep: bool) -> list[str]:
    """What was done to the texts, with counts and the first ids of each kind."""
    lines = []
    if tally.repeated:
        repeated = "a study's report word for word; one is kept"
        lines.append(_counted(tally.repeated, "row repeats", "rows repeat", repeated))
    if tally.split:
        lines.append(f"{count_text(len(tally.split), 'report')} split into findings and impression")
    if tally.split and tally.unsplit:
        lines.append(
            f"{count_text(len(tally.unsplit), 'report')} had no impression header; the whole text is findings, the "
            f"impression empty: {_list(tally.unsplit)}"
        )
    elif tally.unsplit:
        lines.append(
            f"no impression header in {count_text(len(tally.unsplit), 'report')}: only the findings track is entered"
        )
    kinds = {k.key: k.what for k in KINDS}
    other = "had other sections (examination, indication, technique, comparison); these were removed"
    tallies = [
        (tally.without, "study", "studies", "had no impression; it is empty"),
        (tally.unsure, "report has", "reports have", "text before a header; both are kept in the findings"),
        (tally.shortened, "report", "reports", other),
        (tally.headers, "section", "sections", "started with a header of the same kind, now removed"),
        *(
            (ids, "report was", "reports were", f"wrapped in {what}; only the report is used")
            for what, ids in tally.wrapped.items()
        ),
        *(
            (tally.cleaned[key], "report", "reports", f"contained {what}")
            for key, what in kinds.items()
            if key in tally.cleaned
        ),
        (tally.empty, "study has", "studies have", "no report: left empty, which gets the worst score"),
    ]
    lines += [_counted(ids, one, many, what) for ids, one, many, what in tallies if ids]
    if tally.cleaned:
        lines.append("to keep all of these characters and tokens in the texts, use --keep")
    if keep:
        lines.append("texts were not cleaned (--keep); rexrank validate may reject them")
    return lines


def _counted(ids: list[str], one: str, many: str, what: str) -> str:
    distinct = list(dict.fromkeys(ids))
    return f"{count_text(len(distinct), one, many)} {what} (first: {first_ids(distinct)})"


def _list(ids: list[str]) -> str:
    more = f" and {len(ids) - LISTED:,} more" if len(ids) > LISTED else ""
    return visible(", ".join(ids[:LISTED]), 1000) + more
