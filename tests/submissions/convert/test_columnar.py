"""Parquet and Excel workbooks: read if sound and within bounds, refused with a reason if not."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.needs import reason

from evaluator.submissions.convert import columnar
from evaluator.submissions.convert.table import Refused

from .conftest import PREDICTED, REFERENCE, STUDIES

A, B = STUDIES
ROWS = [["study_id", "report"], [A, PREDICTED], [B, "Normal."]]
WANTED = {A: {"findings": PREDICTED}, B: {"findings": "Normal."}}


def parquet(columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_parquet_columns_of_one_name_are_refused(door):
    table = pa.table(
        [pa.array([A]), pa.array(["x"]), pa.array(["y"])], names=["study_id", "report", "report"]
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    code, words, _ = door(out.getvalue())
    assert code == 1
    assert "two columns have the same name" in words


def test_parquet_of_references_and_predictions(door):
    columns = {"study_id": [A, B], "report": [REFERENCE] * 2, "generated_report": [PREDICTED, "Normal."]}
    assert door(parquet(columns))[2] == WANTED


def test_parquet_numbers_are_ids_and_no_texts(door):
    code, words, _ = door(parquet({"study_id": [1, 2], "report": [1.5, 2.5]}), dataset="mimic-cxr")
    assert code == 1
    assert "row 1: the prediction is a number, not a text" in words


def test_a_column_of_a_type_that_is_not_read_is_named(door):
    days = [datetime(2020, 1, 1, tzinfo=UTC)] * 2
    code, words, _ = door(parquet({"study_id": days, "report": [PREDICTED, "Normal."]}))
    assert code == 1
    assert "('report'; ignored columns without text: 'study_id' (timestamp[us, tz=UTC]))" in words


def test_parquet_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(columnar, "MAX_CELLS_BYTES", 100_000)
    data = parquet({"study_id": [str(n) for n in range(1_000)], "report": ["x" * 1_000] * 1_000})
    assert len(data) < 50_000
    with pytest.raises(Refused, match="unpacks to more than"):
        columnar.read_parquet(data, "x")
    monkeypatch.setattr(columnar, "MAX_ROWS", 10)
    with pytest.raises(Refused, match="more than 10 rows"):
        columnar.read_parquet(data, "x")


def test_damaged_parquet_is_refused(door):
    data = parquet({"study_id": [A], "report": ["x"]})
    for content in (data[:-10], data[:20], data[:40] + b"\xff" * 40 + data[80:]):
        code, words, _ = door(content)
        assert code == 1
        assert "Nothing was written." in words


def workbook(*sheets):
    openpyxl = pytest.importorskip("openpyxl", reason=reason("dev", "openpyxl"))
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook(door):
    code, words, reports = door(workbook(ROWS))
    assert (code, reports) == (0, WANTED), words
    assert "read the sheet 'Sheet' of an Excel workbook: 2 rows" in words


FINE = {
    "empty rows and columns": (
        [["study_id", "report", None], [None, None], [A, PREDICTED, None], [], [B, "Normal."]],
    ),
    "an empty second sheet": (ROWS, []),
    "references beside": (
        [["id", "ground_truth", "report"], [A, REFERENCE, PREDICTED], [B, REFERENCE, "Normal."]],
    ),
    "excel's carriage returns": (
        [["id", "report"], [A, "The lungs are clear._x000D_\nNo effusion."], [B, "Normal."]],
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_workbooks_that_are_read(door, name):
    code, words, reports = door(workbook(*FINE[name]))
    assert code == 0, words
    assert {s: {"findings": " ".join(r["findings"].split())} for s, r in reports.items()} == WANTED


REFUSED = {
    "two sheets": ((ROWS, ROWS), "has several sheets: 'Sheet', 'Sheet1'"),
    "no sheet with content": (([],), "is empty"),
    "a column without a name": (
        ([["study_id", "report", None], [A, "x", "y"]],),
        "column 3: cells without a header",
    ),
    "an error of a formula": (([["study_id", "report"], [A, "#NAME?"]],), "row 2: '#NAME?' is Excel's error"),
    "a missing id": (([["study_id", "report"], [A, "x"], [None, "y"]],), "row 3: the study id is empty"),
    "a date": (([["study_id", "report"], [A, 3]],), "row 2: the prediction is a number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_workbooks_that_are_refused(door, name):
    sheets, words = REFUSED[name]
    code, text, _ = door(workbook(*sheets))
    assert code == 1
    assert words in text


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(columnar, "MAX_CELLS_BYTES", 1_000_000)
    data = archive(xl__workbook_xml="x", xl__bomb_xml="0" * 2_000_000)
    assert len(data) < 10_000
    with pytest.raises(Refused, match="unpacks to more than 1 MB"):
        columnar.read_workbook(data, "x")


def test_what_only_looks_like_a_workbook_is_refused(door):
    assert "Excel workbook" in door(archive(xl__workbook_xml="<x"))[1]


def test_without_a_reader_the_fix_is_given(door, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    code, words, _ = door(archive(xl__workbook_xml="x"))
    assert code == 1
    assert "pip install openpyxl" in words
    assert "CSV UTF-8" in words


def test_frames_of_every_engine_type(door):
    frame = pd.DataFrame({"study_id": [A, B], "report": [PREDICTED, "Normal."], "score": [0.5, None]})
    for kind in ("string", "object", "category"):
        out = io.BytesIO()
        frame.astype({"report": kind}).to_parquet(out)
        assert door(out.getvalue())[2] == WANTED
