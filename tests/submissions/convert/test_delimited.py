"""Damaged tables are refused with the line; nothing is repaired, swallowed or dropped."""

from __future__ import annotations

import pytest

from .conftest import STUDIES

A, B = STUDIES
C = "CXR1008_IM-0009"
HEAD = "study_id,report\n"

DAMAGED = {
    "bare cr in a cell": (f"{HEAD}{A},The lungs are clear.\rNo effusion.\n{B},Normal.\n", "line 2: an unquoted cell contains a carriage return"),
    "bare cr in a later row": (f"{HEAD}{A},x\n{B},y\n{C},a\rb\n", "line 4: an unquoted cell contains a carriage return"),
    "bare cr before the separator": (f"{HEAD}{A}\r,x\n", "line 2: an unquoted cell contains a carriage return"),
    "bare cr, crlf table": (f"study_id,report\r\n{A},a\rb\r\n{B},y\r\n", "line 2: an unquoted cell contains a carriage return"),
    "inner mark not doubled": (f'{HEAD}{A},"a "small" nodule"\n{B},y\n', 'line 2: a quotation mark inside a cell is not doubled; write ""'),
    "inner mark escaped with a backslash": (f'{HEAD}{A},"a \\"small\\" nodule"\n', "line 2: a quotation mark inside"),
    "inner mark before a separator": (f'{HEAD}{A},"a "small", nodule"\n', "line 2"),
    "unclosed to the end": (f'{HEAD}{A},"Clear lungs.\n{B},Normal.\n', "lines 2 to 3: a quotation mark is never closed"),
    "unclosed in the last row": (f'{HEAD}{A},x\n{B},"Normal.\n', "line 3: a quotation mark is never closed"),
    "unclosed until the next mark": (f'{HEAD}{A},"Clear.\n{B},"Normal."\n', "lines 2 to 3"),
    "unclosed, closed at a row's end": (f'{HEAD}{A},"Clear.\n{B},"\n', f"line 2: a cell contains what looks like the row of study '{B}'"),
    "unclosed over two rows": (f'{HEAD}{A},"Clear.\n{B},Normal.\n{C},"\n', f"line 2: a cell contains what looks like the row of study '{B}'"),
    "unclosed, id last": (f'report,dicom_id\n"Clear,{A}\nNormal",{B}\n', f"line 2: a cell contains what looks like the row of study '{A}'"),
    "unclosed, unknown id of that shape": (f'{HEAD}{A},"Clear.\nCXR9_IM-1,Normal.\n{C},"\n', "line 2: a cell contains what looks like the row"),
    "a cell too few": (f"{HEAD}{A}\n{B},y\n", "line 2: fewer cells than columns (1 under 2 names)"),
    "a cell too many": (f"{HEAD}{A},No effusion, no nodule.\n{B},y\n", "line 2: more cells than columns (3 under 2 names)"),
    "several rows": (f"{HEAD}{A},a,b\n{B},y\n{C}\n", "line 4: fewer cells"),
    "a missing id": (f"{HEAD}{A},x\n,y\n", "line 3: the study id is empty"),
    "no header": (f"{A},Clear.\n{B},Normal.\n", "line 1 is already data"),
    "one column": (f"report\n{A}\n", "line 1: wanted a header line with an id and a text column"),
    "prose": ("The lungs are clear.\n", "line 1: wanted a header line"),
    "two separators": ("study_id;report,prediction|text\n", "line 1"),
    "header alone": (HEAD, "the table has a header but no rows"),
    "nothing": ("", "is empty"),
    "white space": ("\ufeff \n\n", "is empty"),
    "one study twice": (f"{HEAD}{A},x\n{A},y\n", "line 3: the study 'CXR1004_IM-0005' appeared before"),
    "one study twice by two views": (f"{HEAD}{A}-1001.png,x\n{A}-2001.png,y\n", "appeared before"),
    "a file of another set": (f"{HEAD}50414267,x\n50414268,y\n", "no study id of iu-xray is in any column"),
    "an excel formula": (f"{HEAD}{A},#NAME?\n", "is Excel's error"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_refused_with_the_line(door, name):
    content, words = DAMAGED[name]
    code, text, reports = door(content, "p.csv")
    assert (code, reports) == (1, None)
    assert words in text
    assert text.endswith("Nothing was written.\n")


def test_every_row_of_the_wrong_width_is_listed_and_many_are_counted(door):
    output = door(HEAD + "".join(f"s{n},a,b\n" for n in range(30)))[1]
    assert output.count("more cells than columns") == 20
    assert "… and 10 more rows like these." in output


FINE = {
    "separators and marks in cells": (f'{HEAD}{A},"a, ""b""\nc"\n', 'a, "b"\nc'),
    "crlf in a cell": (f'{HEAD}{A},"a\r\nb"\r\n', "a\nb"),
    "cr in a quoted cell": (f'{HEAD}{A},"a\rb"\n', "a\nb"),
    "a mark within a bare cell": (f'{HEAD}{A},a 3" tube\n', 'a 3" tube'),
    "lists in a cell": (
        f'{HEAD}{A},"1, small effusion\n2, normal heart"\n',
        "1, small effusion\n2, normal heart",
    ),
    "an empty cell": (f"{HEAD}{A},\n", ""),
    "blank around the id": (f"{HEAD} {A} ,x\n", "x"),
    "apostrophes": (f"{HEAD}{A},'x'\n", "'x'"),
}


@pytest.mark.parametrize("name", FINE)
def test_undamaged_oddities_are_read(door, name):
    content, text = FINE[name]
    assert door(content)[2] == {A: {"findings": text}}
