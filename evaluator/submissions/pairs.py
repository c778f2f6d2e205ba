"""Files of (id, reference, prediction) for `rexrank metric`, in every format that predictions may have."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from evaluator.core.problems import visible
from evaluator.submissions.convert.columns import Role, role_of
from evaluator.submissions.convert.conversion import read_table
from evaluator.submissions.convert.ids import MAX_ID, id_text
from evaluator.submissions.convert.source import MAX_BYTES, Source, identify, read_source
from evaluator.submissions.convert.table import KEY, MISSING, Refused, Row, Table

COLUMNS: Final = ("id", "reference", "prediction")
PATIENT: Final = "patient"
"""The column that groups studies for intervals; optional."""
CONTEXT: Final = ("age", "indication")
"""Columns with what is known about the patient, for metrics that use it."""
MAX_PROBLEMS: Final = 20
STDIN: Final = "-"
STDIN_NAME: Final = "standard input"
_ROLES: Final = {"id": Role.ID, "reference": Role.REFERENCE, "prediction": Role.PREDICTED}
_PATIENTS: Final = ("patient", "patient_id", "subject", "subject_id")
_HALF: Final = re.compile("[\ud800-\udfff]")


def read_pairs(path: Path, note: Callable[[str], object] = lambda _: None) -> list[dict[str, str]]:
    """The rows of a file: `id`, `reference`, `prediction`, and `patient`, `age` and `indication` where columns name them.

    CSV, TSV and semicolon CSV, JSON (lines, a list, pandas' orientations), Parquet, Excel, plain or gzipped;
    `-` is standard input. A column is found by its name or, failing that, by the only equivalent name
    (`study_id`, `ground_truth`, `generated_report`); others are ignored. `note` is called with the columns of
    another name that were used, and with how many ids were stripped.

    Raises `Refused`, which is an `InputError`, with every problem and its line, and for a file without rows.
    """
    table = read_table(_source(path))
    if not table.rows:
        raise Refused(f"{_name(path)} contains no pairs. Wanted rows of {', '.join(COLUMNS)}.")
    places = _places(table, _name(path))
    for text in _notes(table, places):
        note(text)
    rows: list[dict[str, str]] = []
    problems: list[str] = []
    lines: dict[str, str] = {}
    for row in table.rows:
        values = {name: row.cells[index] for name, index in places.items()}
        wrong = list(_wrong(values, row, lines))
        problems += wrong
        if not wrong:
            rows.append({name: _text(name, value) for name, value in values.items()})
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise Refused(*problems[:MAX_PROBLEMS], *([f"… and {more:,} more like these."] if more > 0 else []))
    return rows


def _notes(table: Table, places: Mapping[str, int]) -> Iterator[str]:
    """Notes on what was read differently from how it is written."""
    for wanted in COLUMNS:
        if table.columns[places[wanted]].strip().casefold() != wanted:
            yield f"{table.named(places[wanted])} was taken for the {wanted}"
    ids = [v for v in table.column(places["id"]) if isinstance(v, str)]
    if changed := sum(id_text(v) not in {v, None} for v in ids):
        yield f"spaces or marks around {changed:,} of {len(table.rows):,} ids were taken off"
    yield from table.notes


def _name(path: Path) -> str:
    return STDIN_NAME if str(path) == STDIN else str(path)


def _source(path: Path) -> Source:
    if str(path) == STDIN:
        source = identify(STDIN_NAME, sys.stdin.buffer.read(MAX_BYTES + 1))
    else:
        source = read_source(path)
    if source.encoding.startswith("Windows"):  # a guess, and a score does not show how a text was read
        raise Refused(
            f"{source.name} is not UTF-8, but perhaps {source.encoding}. Save it as UTF-8; in Excel, as 'CSV UTF-8'."
        )
    return source


def _places(table: Table, name: str) -> dict[str, int]:
    """The positions of the columns that are read, by our names."""
    names = [c.strip().casefold() for c in table.columns]
    places: dict[str, int] = {}
    lacking: list[str] = []
    for wanted in COLUMNS:
        positions = (
            [i for i, column in enumerate(table.columns) if column == wanted]
            or [i for i, name in enumerate(names) if name == wanted]
            or _by_role(table, wanted)
        )
        if len(positions) > 1:
            choice = ", ".join(f"'{visible(table.columns[i])}'" for i in positions)
            raise Refused(f"{name}: {choice} may each contain the {wanted}; call the right one {wanted!r}.")
        if positions:
            places[wanted] = positions[0]
        else:
            lacking.append(wanted)
    if lacking:
        raise Refused(
            f"{name}: no {', '.join(lacking)}; every row needs {', '.join(COLUMNS)}. "
            f"Found the columns {table.listing}."
        )
    patient = next((names.index(n) for n in _PATIENTS if names.count(n) == 1), None)
    known = {name: names.index(name) for name in CONTEXT if names.count(name) == 1}
    return places | known | ({PATIENT: patient} if patient is not None else {})


def _by_role(table: Table, wanted: str) -> list[int]:
    """The columns with an equivalent name, without those of patients, which group studies."""
    if wanted == "id" and KEY in table.columns:
        return [table.columns.index(KEY)]
    role = _ROLES[wanted]
    return [
        i
        for i, column in enumerate(table.columns)
        if role_of(column) is role and column.strip().casefold() not in _PATIENTS
    ]


def _wrong(values: Mapping[str, Any], row: Row, seen: dict[str, str]) -> Iterator[str]:
    """The problems of a row, in words; its id is added to `seen`."""
    lacking = [name for name in COLUMNS if values[name] is MISSING]
    if lacking:
        yield f"{row.where}: no {', '.join(lacking)}; every row needs {', '.join(COLUMNS)}."
        return
    study = id_text(values["id"])
    if study is None:
        yield f"{row.where}: {_no_id(values['id'])}"
    elif study in seen:
        yield f"{row.where}: the id {visible(study)!r} appeared before, at {seen[study]}."
    else:
        seen[study] = row.where.rpartition(", ")[2]
    for name in COLUMNS[1:]:
        if not isinstance(values[name], str):
            yield f"{row.where}: the {name} must be text (empty for none)."
    for name in (n for n in CONTEXT if n in values):
        if not isinstance(values[name], str | int | float | None) and values[name] is not MISSING:
            yield f"{row.where}: the {name} must be a text or a number."
    if PATIENT in values and id_text(values[PATIENT]) is None:
        yield f"{row.where}: the patient must be a text or a whole number."
    if any(_HALF.search(str(value)) for value in values.values()):
        yield f"{row.where}: it contains a lone surrogate such as \\ud83d. Write the text again."


def _no_id(value: Any) -> str:
    """Why a cell is not an id."""
    if not isinstance(value, str):
        return "the id must be a text or a whole number."
    if len(value) > MAX_ID:
        return f"the id has {len(value):,} characters; at most {MAX_ID} are read."
    return "the id is empty; every row needs one of its own."


def _text(name: str, value: Any) -> str:
    if name in {"id", PATIENT}:
        return id_text(value) or ""
    if name in CONTEXT and not isinstance(value, str):
        return "" if value is None or value is MISSING or value != value else f"{value:g}"  # noqa: PLR0124 - NaN
    return str(value)
