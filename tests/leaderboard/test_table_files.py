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
from evaluator.metrics.registry import get_metric
from evaluator.scoring.intervals import display

HOSTILE = "=cmd|' /C calc'!A1 <script>alert(1)</script> [x](javascript:1) | @everyone\n## head"


def shown(value=0.5, low=0.4, high=0.6, note=""):
    return Display(value=value, low=low, high=high, note=note)


def entry(mean=0.5):
    return tables.cell(mean, low=0.4, high=0.6, display=shown().view())


def row(name="Model", kind="submission", metrics=None):
    return tables.row(name=name, kind=kind, metrics={"bleu_2": entry()} if metrics is None else metrics)


def table(*rows, nulls=()):
    return tables.typed(tables.table(*rows, nulls=list(nulls), notes=["One note."], rehearsal=True))


def test_csv_has_every_row_and_the_numbers_of_the_table():
    text = table_csv(
        table(row(metrics={"bleu_2": entry(mean=1 / 3)}), nulls=[row(name="Template", kind="null")])
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["bleu_2"] == "0.333333"
    assert rows[1]["rank_low"] == ""
    assert rows[1]["kind"] == "null"


def test_hostile_names_stay_in_their_cell():
    text = table_csv(table(row(name=HOSTILE)))
    assert next(csv.DictReader(io.StringIO(text)))["name"].startswith("'=")
    markdown = table_markdown(table(row(name=HOSTILE)))
    assert "<script>" not in markdown
    assert "](javascript" not in markdown
    assert "\n## head" not in markdown
    (line,) = [x for x in markdown.splitlines() if "cmd" in x]
    assert line.count(" | ") == 2


def test_markdown_says_what_it_is():
    text = table_markdown(table(row()))
    assert "Rehearsal" in text
    assert "| 1–2 | Model | 0.500 [0.400, 0.600] |" in text


def test_a_row_without_a_rank_says_why():
    bare = {**row(name="Held"), "why_unranked": "lacks radcliq_v1"}
    text = table_markdown(tables.typed(tables.table(row(), incomplete=[bare])))
    assert r"- Held has no rank\: lacks radcliq\_v1\." in text


def test_bytes_do_not_depend_on_the_order_of_keys():
    one = tables.table(row())
    assert table_json(tables.typed(one)) == table_json(tables.typed(dict(reversed(one.items()))))


def test_a_table_is_written_as_it_was_read():
    assert json.loads(table_json(table(row()))) == tables.table(row(), notes=["One note."], rehearsal=True)


SKILL = Display(**display(get_metric("radcliq_v1"), 0.5, 0.458, 0.543).fields())


def test_csv_has_the_skill_and_what_rexrank_prints_beside_the_mean():
    column = {
        "key": "radcliq_v1", "title": "RadCliQ-v1", "display_title": "RadCliQ-v1 skill", "family": "composite",
        "higher_is_better": False, "reciprocal": True, "signature": "radcliq_v1|v1",
        "skill": {"key": "radcliq_v1_skill", "zero": 2.45, "perfect": -1.44},
    }  # fmt: skip
    cells = [
        tables.cell(
            mean,
            low=low,
            high=high,
            display=display(get_metric("radcliq_v1"), mean, low, high).fields(),
        )
        for mean, low, high in ((0.5, 0.458, 0.543), (-0.1, -0.2, 0.1))
    ]
    rows = [tables.row(f"team/{i}", metrics={"radcliq_v1": c}) for i, c in enumerate(cells)]
    lines = list(
        csv.DictReader(
            io.StringIO(table_csv(tables.typed(tables.table(*rows, metrics=[column], primary="radcliq_v1"))))
        )
    )
    assert [round(float(r["radcliq_v1_skill"]), 4) for r in lines] == [0.5012, 0.6554]
    assert (
        float(lines[0]["radcliq_v1_skill_low"])
        < float(lines[0]["radcliq_v1_skill"])
        < float(lines[0]["radcliq_v1_skill_high"])
    )
    assert [r["radcliq_v1_reciprocal"] for r in lines] == ["2.0", ""]
    assert [r["radcliq_v1_mean"] for r in lines] == ["0.5", "-0.1"]


@pytest.mark.parametrize(
    ("display", "expected"),
    [
        (None, "–"),
        (shown(2.0, 1.842, 2.183), "2.000 [1.842, 2.183]"),
        (shown(5.0, 3.0, None), "5.000 [3.000, ∞]"),
        (shown(None, note="mean ≤ 0"), "mean ≤ 0"),
        (shown(0.5, None, None), "0.500"),
        (SKILL, "0.501 [0.490, 0.512] (mean 0.500, 1/mean 2.000)"),
        (
            SKILL.model_copy(update={"mean": -0.1, "reciprocal": None}),
            "0.501 [0.490, 0.512] (mean -0.100, no 1/mean)",
        ),
    ],
)
def test_display(display, expected):
    assert display_text(display) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(1, 3, "1–3"), (2, 2, "2")])
def test_rank_ranges(low, high, expected):
    assert rank_text(table({**row(), "rank_low": low, "rank_high": high}).rows[0]) == expected


def test_a_missing_rank_is_a_dash():
    assert rank_text(Row(**row())) == "–"


@given(st.text())
def test_no_text_starts_a_formula(text):
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))
