"""Files of (id, reference, prediction) for `rexrank metric`: JSONL or CSV, read strictly."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evaluator.core.problems import InputError, visible

MAX_BYTES: Final = 2 << 30
COLUMNS: Final = ("id", "reference", "prediction")
_HALF: Final = re.compile("[\ud800-\udfff]")


def read_pairs(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL or CSV file of `id`, `reference`, `prediction`; other columns are left alone.

    Raises `InputError` that names the line for what is not such a row, and for a file without one.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than 2 GB. Split it and score the parts.")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}. Give a file of pairs.") from error
    lines = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for where, row in lines(text, str(path)):
        study = _checked(row, where)
        if study in seen:
            raise InputError(f"{where}: the id {visible(study)!r} was there before, at {seen[study]}.")
        seen[study] = where.rpartition(", ")[2]
        rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no pair. Wanted rows of {', '.join(COLUMNS)}.")
    return rows


def _checked(row: dict[str, Any], where: str) -> str:
    """The id of a row whose values are an id and two texts of whole characters."""
    lacking = [k for k in COLUMNS if k not in row]
    if lacking:
        raise InputError(f"{where}: no {', '.join(lacking)}; every row needs {', '.join(COLUMNS)}.")
    study = row["id"]
    if isinstance(study, bool) or not isinstance(study, str | int):
        raise InputError(f"{where}: the id must be a text or a whole number.")
    for name in COLUMNS[1:]:
        if not isinstance(row[name], str):
            raise InputError(f"{where}: the {name} must be a text (an empty one for none).")
    if any(_HALF.search(str(row[name])) for name in COLUMNS):
        raise InputError(f"{where}: it holds half of a character, such as \\ud83d. Write the text out anew.")
    return str(study)


def _csv_rows(text: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if not cells:
                continue
            if columns is None:
                columns = cells
                _check_header(columns, where)
            elif len(cells) != len(columns):
                raise InputError(
                    f"{where}: {len(cells)} cells under {len(columns)} columns; put texts with commas, quotation "
                    "marks or line breaks in quotation marks."
                )
            else:
                yield where, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num} is not CSV: {error}.") from error


def _check_header(columns: list[str], where: str) -> None:
    if twice := [k for k, n in Counter(columns).items() if n > 1 and k in COLUMNS]:
        raise InputError(f"{where}: the column {', '.join(twice)} stands there twice; keep one.")
    if lacking := [k for k in COLUMNS if k not in columns]:
        shown = visible(", ".join(columns), 200)
        raise InputError(f"{where}: the header lacks {', '.join(lacking)}; found {shown!r}.")


def _json_rows(text: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where} is not JSON: {error}.") from error
        if not isinstance(row, dict):
            raise InputError(f'{where}: wanted an object like {{"id": …, "reference": …, "prediction": …}}.')
        yield where, row


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {visible(twice)!r} stands twice in one object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"the token {name} is not JSON")
