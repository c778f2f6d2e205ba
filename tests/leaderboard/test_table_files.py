"""Tables as files: stable bytes, and nothing that breaks out of its cell."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tables

from evaluator.leaderboard.row import Display, Row
from evaluator.leaderboard.table_files import (
    csv_text,
    display_text,
    rank_text,
    table_csv,
    table_json,
    table_markdown,
)

HOSTILE = "=cmd|' /C calc'!A1 <script>alert(1)</script> [x](javascript:1) | @everyone\n## head"


def shown(value=0.5, low=0.4, high=0.6, note=""):
    return Display(value=value, low=low, high=high, note=note)


def entry(mean=0.5):
    return tables.cell(mean, low=0.4, high=0.6, display=shown().view())


def row(name="Model", rank=1, low=1, high=2, kind="submission", metrics=None):
    places = {"rank": rank, "rank_low": low, "rank_high": high}
    return tables.row(
        name=name, kind=kind, metrics={"bleu_2": entry()} if metrics is None else metrics, **places
    )


def table(*rows, nulls=()):
    return tables.typed(tables.table(*rows, nulls=list(nulls), notes=["One note."], rehearsal=True))


def test_csv_has_every_row_and_the_numbers_of_the_table():
    text = table_csv(
        table(
            row(metrics={"bleu_2": entry(mean=1 / 3)}), nulls=[row(name="Template", rank=None, kind="null")]
        )
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["bleu_2"] == "0.333333"
    assert rows[1]["rank"] == ""
    assert rows[1]["kind"] == "null"


def test_hostile_names_stay_in_their_cell():
    text = table_csv(table(row(name=HOSTILE)))
    assert next(csv.DictReader(io.StringIO(text)))["name"].startswith("'=")
    shown = table_markdown(table(row(name=HOSTILE)))
    assert "<script>" not in shown
    assert "](javascript" not in shown
    assert "\n## head" not in shown
    (line,) = [x for x in shown.splitlines() if "cmd" in x]
    assert line.count(" | ") == 2


def test_markdown_says_what_it_is():
    shown = table_markdown(table(row()))
    assert "Rehearsal" in shown
    assert "| 1–2 | Model | 0.500 [0.400, 0.600] |" in shown


def test_a_row_without_a_rank_says_why():
    bare = {**row(name="Held", rank=None), "why_unranked": "lacks radcliq_v1"}
    shown = table_markdown(tables.typed(tables.table(row(), incomplete=[bare])))
    assert r"- Held has no rank\: lacks radcliq\_v1\." in shown


def test_bytes_do_not_depend_on_the_order_of_keys():
    one = tables.table(row())
    assert table_json(tables.typed(one)) == table_json(tables.typed(dict(reversed(one.items()))))


def test_a_table_is_written_as_it_was_read():
    assert json.loads(table_json(table(row()))) == tables.table(row(), notes=["One note."], rehearsal=True)


@pytest.mark.parametrize(
    ("display", "expected"),
    [
        (None, "–"),
        (shown(2.0, 1.842, 2.183), "2.000 [1.842, 2.183]"),
        (shown(5.0, 3.0, None), "5.000 [3.000, ∞]"),
        (shown(None, note="mean ≤ 0"), "mean ≤ 0"),
        (shown(0.5, None, None), "0.500"),
    ],
)
def test_display(display, expected):
    assert display_text(display) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(1, 3, "1–3"), (2, 2, "2")])
def test_rank_ranges(low, high, expected):
    assert rank_text(Row(**row(rank=low, low=low, high=high))) == expected


def test_no_rank_is_a_dash():
    assert rank_text(Row(**row(rank=None))) == "–"


@given(st.text())
def test_no_text_starts_a_formula(text):
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))
