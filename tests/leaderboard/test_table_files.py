"""Tables as files: stable bytes, and nothing that breaks out of its cell."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.leaderboard.table_files import (
    csv_text,
    display_text,
    rank_text,
    table_csv,
    table_json,
    table_markdown,
)

HOSTILE = "=cmd|' /C calc'!A1 <script>alert(1)</script> [x](javascript:1) | @everyone\n## head"


def entry(mean=0.5, low=0.4, high=0.6, value=0.5, note=""):
    return {
        "mean": mean,
        "se": 0.1,
        "low": low,
        "high": high,
        "n": 3,
        "n_failed": 0,
        "display": {"value": value, "low": low, "high": high, "note": note},
    }


def row(name="Model", rank=1, low=1, high=2, kind="submission", metrics=None):
    return {
        "id": "team/model",
        "team": "team",
        "model": "model",
        "name": name,
        "institution": "Somewhere",
        "kind": kind,
        "status": "active",
        "submitted": "2026-01-02",
        "rank": rank,
        "rank_low": low,
        "rank_high": high,
        "tied_with_best": True,
        "metrics": {"bleu_2": entry()} if metrics is None else metrics,
    }


def table(*rows, nulls=()):
    return {
        "title": "Sandbox",
        "dataset": "sandbox",
        "track": "findings",
        "n": 3,
        "n_clusters": 2,
        "protocol": "clean",
        "primary": "radcliq_v1",
        "rule": "primary/v1",
        "rehearsal": True,
        "metrics": [{"key": "bleu_2", "display_title": "BLEU-2"}],
        "rows": list(rows),
        "incomplete": [],
        "withdrawn": [],
        "nulls": list(nulls),
        "notes": ["One note."],
    }


def test_csv_has_every_row_and_full_precision():
    text = table_csv(
        table(
            row(metrics={"bleu_2": entry(mean=1 / 3)}), nulls=[row(name="Template", rank=None, kind="null")]
        )
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert float(rows[0]["bleu_2"]) == 1 / 3
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
    shown = table_markdown({**table(row()), "incomplete": [bare]})
    assert r"- Held has no rank\: lacks radcliq\_v1\." in shown


def test_bytes_do_not_depend_on_the_order_of_keys():
    one = table(row())
    assert table_json(one) == table_json(dict(reversed(one.items())))


@pytest.mark.parametrize(
    ("given_entry", "expected"),
    [
        (None, "–"),
        (entry(value=2.0, low=1.842, high=2.183), "2.000 [1.842, 2.183]"),
        (entry(value=5.0, low=3.0, high=None), "5.000 [3.000, ∞]"),
        (entry(value=None, note="mean ≤ 0"), "mean ≤ 0"),
        (entry(value=0.5, low=None, high=None), "0.500"),
    ],
)
def test_display(given_entry, expected):
    assert display_text(given_entry) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(1, 3, "1–3"), (2, 2, "2")])
def test_rank_ranges(low, high, expected):
    assert rank_text(row(rank=low, low=low, high=high)) == expected


def test_no_rank_is_a_dash():
    assert rank_text(row(rank=None)) == "–"


@given(st.text())
def test_no_text_starts_a_formula(text):
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))
