"""Published rows: what contradicts itself, and what is kept."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from support.damage import DAMAGE

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.reported import (
    COEFFICIENTS,
    INTERCEPT,
    consistent,
    load_reported,
    residual,
)

FOLDER = Path(__file__).parents[2] / "leaderboard" / "reported"


def test_a_perfect_and_an_empty_row():
    assert INTERCEPT + sum(COEFFICIENTS.values()) == pytest.approx(-1.4406902828, abs=1e-9)
    zeros = {
        "radgraph_f1": 0.0,
        "bertscore": 0.0,
        "semb_score": 0.0,
        "radcliq_v1_reciprocal": round(1 / INTERCEPT, 3),
    }
    assert consistent(zeros)
    assert not consistent(zeros | {"radcliq_v1_reciprocal": 0.42})


def test_missing_cells_prove_nothing():
    assert residual({"radcliq_v1_reciprocal": 1.0}) is None
    assert consistent({"radcliq_v1_reciprocal": None})


def test_the_three_snapshots():
    rows = load_reported(FOLDER)
    assert len(rows) == 373
    wrong = [r for r in rows if r.contradicts_itself]
    assert len(wrong) == 38
    assert {r.track for r in wrong} == {"report"}
    assert max(abs(residual(r.values)) for r in wrong) == pytest.approx(0.2142, abs=1e-4)


HEADER = "dataset,track,model,institution,year,link,metric,value\n"
CHANGES = {
    "another header": "a,b\n1,2\n",
    "columns in another order": HEADER.replace("dataset,track", "track,dataset"),
    "a cell too few": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2\n",
    "a cell too many": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,0.1,x\n",
    "a value as text": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,high\n",
    "no data set": HEADER + "mimic-cxt,report,m,i,2024,,bleu_2,0.1\n",
    "no track": HEADER + "mimic-cxr,reports,m,i,2024,,bleu_2,0.1\n",
    "NaN": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,nan\n",
    "infinite": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,1e999\n",
    "an open quote": HEADER + 'mimic-cxr,report,"m,i,2024,,bleu_2,0.1\n',
    "an endless cell": HEADER + f"mimic-cxr,report,{'m' * 200_000},i,2024,,bleu_2,0.1\n",
}


def refused(folder):
    with pytest.raises(RexrankError, match=r"x\.csv is no table of reported rows: .+ git checkout HEAD -- "):
        load_reported(folder)


def test_a_cell_has_a_limit_whatever_the_process_allows(tmp_path):
    before = csv.field_size_limit(sys.maxsize)
    try:
        (tmp_path / "x.csv").write_text(CHANGES["an endless cell"])
        refused(tmp_path)
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_file_is_named(tmp_path, name):
    (tmp_path / "x.csv").write_text(CHANGES[name])
    refused(tmp_path)


@pytest.mark.parametrize(
    "name", ["empty", "UTF-16", "a folder", "a link to nothing", "a link to itself", "a pipe"]
)
def test_what_is_no_table_is_named_and_not_waited_for(tmp_path, name):
    (tmp_path / "x.csv").write_text(HEADER)
    DAMAGE[name](tmp_path / "x.csv")
    refused(tmp_path)
