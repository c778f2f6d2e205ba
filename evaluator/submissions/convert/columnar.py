"""Parquet and Excel workbooks, read cell by cell within bounds."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from evaluator.core.counts import count_text
from evaluator.core.problems import first_line, visible
from evaluator.submissions.convert.table import Refused, Row, Table, listed

MAX_ROWS: Final = 1_000_000
MAX_CELLS_BYTES: Final = 200_000_000
"""Most characters in all cells together; a small packed file can unpack to any number."""
BATCH: Final = 64


def read_parquet(data: bytes, name: str) -> Table:
    """The table of a Parquet file: its columns of texts, numbers and lists. Raises `Refused` for a damaged one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        schema = file.schema_arrow
        columns = [f.name for f in schema if _is_readable(f.type)]
        if len({f.name for f in schema}) < len(schema):
            raise Refused(f"{name}: two columns have the same name ({listed(schema.names, 20)}); rename one.")
        if file.metadata.num_rows > MAX_ROWS:
            raise Refused(f"{name} has more than {MAX_ROWS:,} rows; is it a prediction file?")
        rows = list(_parquet_rows(file, columns, name))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise Refused(f"{name} is not a readable Parquet file: {first_line(error)}.") from error
    others = [f"'{visible(f.name)}' ({visible(f.type, 40)})" for f in schema if f.name not in columns]
    notes = (f"ignored columns without text: {', '.join(others[:20])}",) if others else ()
    return Table(tuple(columns), tuple(rows), "a Parquet table", notes)


def _is_readable(kind: Any) -> bool:
    import pyarrow.types as pt

    tests = (pt.is_string, pt.is_large_string, pt.is_integer, pt.is_floating, pt.is_boolean, pt.is_null)
    if pt.is_dictionary(kind) or pt.is_list(kind) or pt.is_large_list(kind):
        return _is_readable(kind.value_type)
    if pt.is_struct(kind):
        return all(_is_readable(kind.field(i).type) for i in range(kind.num_fields))
    return any(test(kind) for test in tests)


def _parquet_rows(file: Any, columns: list[str], name: str) -> Iterator[Row]:
    size = 0
    number = 0
    for batch in file.iter_batches(batch_size=BATCH, columns=columns):
        size += batch.nbytes
        if size > MAX_CELLS_BYTES:
            raise Refused(f"{name} unpacks to more than {MAX_CELLS_BYTES // 1_000_000} MB of text.")
        values = [batch.column(c).to_pylist() for c in columns]
        for cells in zip(*values, strict=True):
            number += 1
            yield Row(f"{name}, row {number}", cells)


def read_workbook(data: bytes, name: str) -> Table:
    """The table of an .xlsx workbook's only sheet with content; its first row is the header.

    Raises `Refused` for other archives, for several sheets, and if no reader is installed.
    """
    _check_archive(data, name)
    try:
        import openpyxl
    except ImportError as error:
        raise Refused(
            f"{name} is an Excel workbook, and no reader is installed. Run: pip install openpyxl. Or save the sheet in Excel as 'CSV UTF-8'."
        ) from error
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [(s.title, list(_sheet_rows(s, name))) for s in book.worksheets]
    except Refused:
        raise
    except Exception as error:  # openpyxl passes on any exception of its parts
        raise Refused(
            f"{name} is not a readable Excel workbook: {first_line(error)}. Save the sheet as 'CSV UTF-8'."
        ) from error
    filled = [(title, rows) for title, rows in sheets if rows]
    if not filled:
        raise Refused(f"{name} is empty.")
    if len(filled) > 1:
        raise Refused(
            f"{name} has several sheets: {listed([t for t, _ in filled], 20)}. Save the one with the predictions as CSV."
        )
    return _sheet_table(filled[0][1], name, filled[0][0])


def _check_archive(data: bytes, name: str) -> None:
    """Refuses archives that are not workbooks or unpack to too much, by their directory, before unpacking a byte."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (
        zipfile.BadZipFile,
        ValueError,
        RuntimeError,
        OSError,
    ) as error:  # the third: an unsupported kind of ZIP
        raise Refused(f"{name} is a damaged zip archive; copy or download it again.") from error
    if not any(i.filename == "xl/workbook.xml" for i in infos):
        raise Refused(
            f"{name} is a zip archive ({count_text(len(infos), 'file')}); unpack it and name the file of predictions."
        )
    if sum(i.file_size for i in infos) > MAX_CELLS_BYTES:
        raise Refused(f"{name} unpacks to more than {MAX_CELLS_BYTES // 1_000_000} MB.")


def _sheet_rows(sheet: Any, name: str) -> Iterator[tuple[int, list[Any]]]:
    size = 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MAX_ROWS:
            raise Refused(f"{name} has more than {MAX_ROWS:,} rows; is it a prediction file?")
        values = [_cell(c) for c in cells]
        size += sum(len(v) for v in values if isinstance(v, str)) + len(values)
        if size > MAX_CELLS_BYTES:
            raise Refused(f"{name} unpacks to more than {MAX_CELLS_BYTES // 1_000_000} MB of text.")
        if any(v is not None and v != "" for v in values):
            yield number, values


def _cell(value: Any) -> Any:
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        return str(value)
    return value


def _sheet_table(rows: list[tuple[int, list[Any]]], name: str, title: str) -> Table:
    header = [str(h).strip() if h is not None else "" for h in rows[0][1]]
    width = max(len(r) for _, r in rows)
    header += [""] * (width - len(header))
    body = [(n, [*cells, *[None] * (width - len(cells))]) for n, cells in rows[1:]]
    columns = [i for i in range(width) if header[i] or any(c[i] is not None for _, c in body)]
    unnamed = [
        f"{name}, column {i + 1}: cells without a header; name the column or empty it."
        for i in columns
        if not header[i]
    ]
    if unnamed:
        raise Refused(*unnamed)
    return Table(
        tuple(header[i] for i in columns),
        tuple(Row(f"{name}, row {n}", tuple(c[i] for i in columns)) for n, c in body),
        f"the sheet '{visible(title)}' of an Excel workbook",
    )
