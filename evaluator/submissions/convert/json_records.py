"""JSON in the forms that people use: objects, lists, lines, pandas' orientations, wrappers, batch outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from evaluator.core.counts import count_text
from evaluator.core.files import RepeatedKeyError, whole_object
from evaluator.core.problems import visible
from evaluator.submissions.convert.columns import Role, is_known, is_text_name, role_of
from evaluator.submissions.convert.table import KEY, MISSING, VALUE, Refused, Row, Table, listed, names
from evaluator.submissions.convert.values import answer_of_batch, is_batch_row

MAX_MARKS: Final = 8_000_000
"""Brackets, commas and colons of a JSON text: a bound on the number of values in it."""
MAX_PROBLEMS: Final = 20
_WRAPPERS: Final = names(
    "data result results prediction predictions pred preds output outputs response responses record "
    "records row rows item items sample samples example examples annotation annotations report reports "
    "study studies test generated"
)
"""Keys that may wrap a whole file."""
_SPACE: Final = " \t\r\n\ufeff\x00\x1e"


def looks_like_json(text: str) -> bool:
    """Whether a text starts as a JSON object or list does."""
    return text.lstrip(_SPACE).startswith(("{", "["))


def read_json(text: str, name: str, known: frozenset[str] = frozenset()) -> Table:
    """The table of a JSON text: one value, or one after another (JSON Lines under any name).

    Raises `Refused` with the line for invalid JSON, and for a form without rows.
    """
    values = _values(text, name)
    if len(values) > 1:
        rows = [(f"{name}, line {line}", value) for line, value in values]
        return _records(rows, f"JSON Lines, {count_text(len(values), 'line')}")
    value = values[0][1]
    notes: list[str] = []
    value = _unwrapped(value, name, known, notes)
    table = _listed_rows(value, name) if isinstance(value, list) else _object_rows(value, name, known)
    return Table(table.columns, table.rows, table.how, (*notes, *table.notes))


def _values(text: str, name: str) -> list[tuple[int, Any]]:
    """The JSON values of a text with the lines on which they start."""
    if sum(map(text.count, "[{,:")) > MAX_MARKS:
        raise Refused(
            f"{name} has too many values for a prediction file; remove everything that is not a report."
        )
    decoder = json.JSONDecoder(object_pairs_hook=whole_object)
    values: list[tuple[int, Any]] = []
    at, line, start = _skip(text, 0), 1, 0
    while at < len(text):
        line += text.count("\n", start, at)
        start = at
        try:
            value, end = decoder.raw_decode(text, at)
        except RepeatedKeyError as error:
            raise Refused(
                f"{name}, in the value that starts on line {line}: the key {visible(error.key)!r} appears twice in one object; rename or remove one."
            ) from error
        except json.JSONDecodeError as error:
            raise Refused(
                f"{name}, line {error.lineno}, is not JSON: {error.msg} (column {error.colno}). Write the file with a JSON library."
            ) from error
        except (ValueError, RecursionError) as error:
            raise Refused(f"{name}, line {line}, is not readable JSON: {visible(error)}.") from error
        values.append((line, value))
        at = _skip(text, end)
    if not values:
        raise Refused(f"{name} is empty.")
    return values


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _unwrapped(value: Any, name: str, known: frozenset[str], notes: list[str]) -> Any:
    """The content of a wrapper such as `{"data": […]}`; the value itself without one."""
    for _ in range(4):
        if not isinstance(value, dict) or known & value.keys():
            return value
        if set(value) >= {"columns", "data"} and isinstance(value["columns"], list):
            return _split_orientation(value, name)
        lists = [k for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
        if len(lists) > 1 and not any(is_text_name(k) for k in lists):
            raise Refused(
                f"{name} contains several lists: {listed(lists)}. Write the one of the test split to a file of its own."
            )
        by_ids = [k for k, v in value.items() if isinstance(v, dict) and known & v.keys()]
        wrapped = by_ids or lists or [k for k, v in value.items() if len(value) == 1 and _is_wrapper(k, v)]
        if len(wrapped) != 1 or (
            lists and any(isinstance(v, dict) and is_text_name(k) for k, v in value.items())
        ):
            return value
        if role_of(wrapped[0]) is Role.REFERENCE:
            raise Refused(
                f"{name}: the value of '{visible(wrapped[0])}' is named like references, and references are never written as predictions. If these are the predictions, write them to a file of their own."
            )
        notes.append(f"read the value of '{visible(wrapped[0])}'")
        value = value[wrapped[0]]
    return value


def _is_wrapper(key: str, value: Any) -> bool:
    """Whether a lone key is a word for its content, and the content is not the fields of one study."""
    if key.strip().casefold() not in _WRAPPERS or not isinstance(value, dict) or not value:
        return False
    return not any(map(is_known, value)) or any(
        isinstance(v, list) and v and isinstance(v[0], dict) for v in value.values()
    )


def _split_orientation(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows of pandas' `orient="split"`."""
    columns, data = list(map(str, value["columns"])), value["data"]
    if len(set(columns)) < len(columns):
        raise Refused(f"{name}: two columns have the same name ({listed(columns)}); rename one.")
    index = value.get("index")
    rows = []
    for number, cells in enumerate(data if isinstance(data, list) else [], start=1):
        if not isinstance(cells, list) or len(cells) != len(columns):
            raise Refused(
                f"{name}, row {number} of 'data': wanted {len(columns)} cells, one for each column."
            )
        key = {KEY: index[number - 1]} if isinstance(index, list) and len(index) == len(data) else {}
        rows.append(key | dict(zip(columns, cells, strict=True)))
    return rows


def _listed_rows(value: list[Any], name: str) -> Table:
    if value and all(isinstance(v, str) for v in value):
        raise Refused(f'{name} is a list of texts without ids; wanted [{{"study_id": …, "report": …}}, …].')
    while len(value) == 1 and isinstance(value[0], list) and all(isinstance(v, dict) for v in value[0]):
        value = value[0]
    return _records(
        [(f"{name}, entry {n}", row) for n, row in enumerate(value, start=1)],
        f"a JSON list of {count_text(len(value), 'entry', 'entries')}",
    )


def _records(rows: list[tuple[str, Any]], how: str) -> Table:
    """The table of objects that each contain their own id; their fields are the columns."""
    rows = [(w, v[0] if isinstance(v, list) and len(v) == 1 else v) for w, v in rows]
    wrong = [w for w, value in rows if not isinstance(value, dict)]
    if wrong:
        problems = [f"{w}: wanted an object with an id and a text." for w in wrong[:MAX_PROBLEMS]]
        raise Refused(*problems)
    rows = [(w, answer_of_batch(v, w) if is_batch_row(v) else v) for w, v in rows]
    columns = tuple(dict.fromkeys(k for _, v in rows for k in v))
    return Table(columns, tuple(Row(w, tuple(v.get(c, MISSING) for c in columns)) for w, v in rows), how)


def _object_rows(value: Any, name: str, known: frozenset[str]) -> Table:
    if not isinstance(value, dict):
        raise Refused(
            f'{name}: wanted an object of studies, like {{"<study id>": {{"findings": "…"}}}}, a list or JSON Lines.'
        )
    if not value:
        raise Refused(f"{name} contains no studies.")
    if not known & value.keys():
        if _is_one_record(value):
            return _records([(name, value)], "one JSON object")
        if table := _column_orientation(value, name):
            return table
    return _studies(value, name)


def _is_one_record(value: Mapping[str, Any]) -> bool:
    """Whether an object is one row (a file of JSON Lines with one line) and not a map of studies."""
    has_id = any(role_of(k) is Role.ID and isinstance(v, str | int) for k, v in value.items())
    return is_batch_row(value) or (has_id and any(map(is_text_name, value)))


def _column_orientation(value: Mapping[str, Any], name: str) -> Table | None:
    """The table of `df.to_json()` ({column: {index: cell}}) or of parallel lists; `None` for other forms."""
    if not any(is_text_name(k) for k in value) or len(value) < 2:
        return None
    cells = list(value.values())
    if all(isinstance(c, dict) for c in cells):
        index = list(cells[0])
        if any(is_text_name(k) for k in index) or any(set(c) != set(index) for c in cells):
            return None
        rows = tuple(Row(f"{name}, row {visible(i)}", (i, *(c[i] for c in cells))) for i in index)
        return Table((KEY, *value), rows, "JSON by columns (df.to_json())")
    if all(isinstance(c, list) for c in cells):
        lengths = {len(c) for c in cells}
        if len(lengths) > 1:
            raise Refused(
                f"{name}: the lists {listed(list(value))} differ in length; give one cell per study."
            )
        rows = tuple(
            Row(f"{name}, row {n}", tuple(c)) for n, c in enumerate(zip(*cells, strict=True), start=1)
        )
        return Table(tuple(value), rows, "JSON by columns, as lists")
    return None


def _studies(value: Mapping[str, Any], name: str) -> Table:
    """The table of an object with an entry for each study."""
    if all(isinstance(v, list) and len(v) == 1 and isinstance(v[0], dict) for v in value.values()):
        value = {study: content[0] for study, content in value.items()}
    fields = tuple(dict.fromkeys(k for v in value.values() if isinstance(v, dict) for k in v))
    bare = any(not isinstance(v, dict) for v in value.values())
    columns = (KEY, *((VALUE,) if bare else ()), *fields)
    rows = []
    for study, content in value.items():
        own = {KEY: study, **(content if isinstance(content, dict) else {VALUE: content})}
        rows.append(Row(f"{name}, study {visible(study)}", tuple(own.get(c, MISSING) for c in columns)))
    return Table(columns, tuple(rows), f"a JSON object of {count_text(len(value), 'entry', 'entries')}")
