"""CSV, TSV and semicolon CSV, read strictly: a damaged row is refused with its line; none is repaired or dropped."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.submissions.convert.columns import is_known
from evaluator.submissions.convert.table import Refused, Row, Table, listed

MAX_CELL: Final = 10_000_000
MAX_COLUMNS: Final = 1_000
MAX_PROBLEMS: Final = 20
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_CURES: Final = {
    "unexpected end of data": "a quotation mark is never closed; close it, and double any quotation marks inside a cell",
    "expected after": 'a quotation mark inside a cell is not doubled; write "" for it, or write the file with a CSV library',
    "new-line character": "an unquoted cell contains a carriage return; quote the cell",
    "field larger": f"a cell of more than {MAX_CELL:,} characters; a quotation mark is probably not closed",
}

_JSON_FIELD: Final = re.compile(r"""['"]\w+['"]\s*:""")


def read_delimited(text: str, name: str, known: frozenset[str] = frozenset()) -> Table:
    """The table of a delimited text with a header line. `known`: ids of the dataset, to detect swallowed rows.

    Raises `Refused` that names the line of every row that is damaged.
    """
    text = text.removeprefix("\ufeff")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # line ends of old Macs
    skipped = 0
    delimiter = None
    if match := _SEPARATOR_LINE.match(text):
        delimiter, skipped = match[1], 1
        text = text[match.end() :]
    delimiter = delimiter or _delimiter(text, name)
    rows = list(_rows(text, name, delimiter, skipped))
    header = tuple(cell.strip() for cell in rows[0][1])
    _check_header(header, rows[0][0], known)
    body = [(where, cells) for where, cells in rows[1:] if any(c.strip() for c in cells)]
    _check_widths(header, body)
    _check_swallowed(header, body, delimiter, known)
    header, body = _without_blank_columns(header, body, name)
    notes = [f"{count_text(n, 'empty row')} ignored"] if (n := len(rows) - 1 - len(body)) else []
    word = _DELIMITERS.get(delimiter, f"{delimiter!r}")
    names = tuple(h or f"column {i}" for i, h in enumerate(header, start=1))
    return Table(
        names,
        tuple(Row(where, tuple(cells)) for where, cells in body),
        f"a table separated by {word}",
        tuple(notes),
    )


def _lines(text: str) -> Iterator[str]:
    """The lines split only at line feeds, so that the csv module sees a carriage return inside a cell."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _rows(text: str, name: str, delimiter: str, skipped: int) -> Iterator[tuple[str, list[str]]]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    start = skipped + 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            cure = next((c for part, c in _CURES.items() if part in str(error)), str(error))
            last = reader.line_num + skipped
            lines = f"line {start}" if start >= last else f"lines {start} to {last}"
            raise Refused(f"{name}, {lines}: {cure}.") from error
        if row is None:
            return
        if row:
            yield f"{name}, line {start}", row
        start = reader.line_num + skipped + 1


def _delimiter(text: str, name: str) -> str:
    """The delimiter that gives the header the most known names, then the most columns."""
    line = next((x for x in _lines(text) if x.strip()), "")
    scores: dict[str, tuple[int, int]] = {}
    for delimiter in _DELIMITERS:
        try:
            header = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        if 1 < len(header) <= MAX_COLUMNS:
            scores[delimiter] = (sum(map(is_known, header)), len(header))
    if not scores:
        raise Refused(
            f"{name}, line 1: wanted a header line with an id and a text column (study_id,report), separated by "
            f"commas, semicolons or tabs, or JSON; found '{visible(line.strip(), 100)}'."
        )
    best = max(scores.values())
    candidates = [d for d, s in scores.items() if s == best]
    if len(candidates) > 1:
        words = " or ".join(_DELIMITERS[d] for d in candidates)
        raise Refused(f"{name}, line 1: the header may be separated by {words}; use one of them only.")
    return candidates[0]


def _check_header(header: tuple[str, ...], where: str, known: frozenset[str]) -> None:
    if known and any(cell in known for cell in header):
        raise Refused(
            f"{where} is already data: it contains a study id. Add a header line with the names of the columns, "
            "for example study_id,report."
        )
    if sum(bool(_JSON_FIELD.search(cell)) for cell in header) > 1:
        raise Refused(
            f"{where} is damaged JSON, not a header: JSON begins with {{ or [. Write the file with a JSON library."
        )


def _check_widths(header: tuple[str, ...], body: list[tuple[str, list[str]]]) -> None:
    wrong = [(where, len(cells)) for where, cells in body if len(cells) != len(header)]
    if not wrong:
        return
    problems = [
        f"{where}: {'more' if n > len(header) else 'fewer'} cells than columns ({n} under {len(header)} names); "
        "quote texts that contain the separator or a line break."
        for where, n in wrong[:MAX_PROBLEMS]
    ]
    if len(wrong) > MAX_PROBLEMS:
        problems.append(f"… and {count_text(len(wrong) - MAX_PROBLEMS, 'more row')} like these.")
    raise Refused(*problems)


def _check_swallowed(
    header: tuple[str, ...], body: list[tuple[str, list[str]]], delimiter: str, known: frozenset[str]
) -> None:
    """Refuses a quoted cell that seems to contain further rows: its quotation mark was closed rows later."""
    looks_like_id = _id_test(header, body, known)
    problems = []
    for where, cells in body:
        for cell in cells:
            if "\n" not in cell or delimiter not in cell:
                continue
            inner = [part for line in cell.split("\n") for part in _ends(line, delimiter)]
            if study := next((p for p in inner if looks_like_id(p)), None):
                problems.append(
                    f"{where}: a cell contains what looks like the row of study '{visible(study)}'; a quotation mark is "
                    "not closed. Close it, and double quotation marks inside a cell."
                )
    if problems:
        raise Refused(*problems[:MAX_PROBLEMS])


def _ends(line: str, delimiter: str) -> list[str]:
    """The first and the last cell of a possible row; nothing if the line has no delimiter."""
    if delimiter not in line:
        return []
    return [line.partition(delimiter)[0].strip(' "\r'), line.rpartition(delimiter)[2].strip(' "\r')]


def _id_test(
    header: tuple[str, ...], body: list[tuple[str, list[str]]], known: frozenset[str]
) -> Callable[[str], bool]:
    """Whether a cell is an id: one of the dataset, or of the shape of nine in ten ids of some column."""
    shapes: set[str] = set()
    for index in range(len(header)):
        counts = Counter(_shape(cells[index]) for _, cells in body if len(cells[index]) <= 100)
        # tie: first shape; whole counts
        if counts and (top := counts.most_common(1)[0])[1] >= 0.9 * len(body) and _telling(top[0]):
            shapes.add(top[0])
    return lambda text: len(text) <= 100 and bool(text) and (text in known or _shape(text) in shapes)


def _shape(text: str) -> str:
    bare = text.strip()
    return "long number" if bare.isdecimal() and len(bare) >= 4 else re.sub(r"\d+", "9", bare)


def _telling(shape: str) -> bool:
    """Whether only an id can have this shape: a number of four or more digits, or letters and digits, no space."""
    return shape == "long number" or bool(re.fullmatch(r"(?=\S*[A-Za-z])(?=\S*9)\S+", shape))


def _without_blank_columns(
    header: tuple[str, ...], body: list[tuple[str, list[str]]], name: str
) -> tuple[tuple[str, ...], list[tuple[str, list[str]]]]:
    """Header and rows without columns that have neither a name nor content, as a trailing separator makes them."""
    columns = [i for i, h in enumerate(header) if h or any(cells[i].strip() for _, cells in body)]
    if len(columns) == len(header):
        return header, body
    if not columns:
        raise Refused(f"{name}: the header names no column; found {listed(list(header))}.")
    return tuple(header[i] for i in columns), [(w, [cells[i] for i in columns]) for w, cells in body]
