"""Published rows: which contradict themselves, and which are kept."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.damage import DAMAGE

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.reported import (
    COEFFICIENTS,
    INTERCEPT,
    SKILLS,
    best_reported,
    consistent,
    consistent_mean,
    load_reported,
    mean_of_skills,
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


def test_the_snapshots():
    rows = load_reported(FOLDER)
    assert len(rows) == 373 + 8 + 9 + 2
    wrong = [r for r in rows if r.contradicts_itself]
    assert len(wrong) == 38
    assert {r.track for r in wrong} == {"report"}
    assert max(abs(residual(r.values)) for r in wrong) == pytest.approx(0.2142, abs=1e-4)


def vqa(snapshot):
    return [r for r in load_reported(FOLDER) if r.dataset == "rexvqa" and r.snapshot == snapshot]


def test_the_overall_accuracy_of_2025_is_the_mean_of_five_skills_to_the_fourth_decimal():
    rows = vqa("2025-09-05")
    assert [r.model for r in rows][::7] == ["MedGemma-4B-it", "LLaVA-1.5-7B"]
    assert len(rows) == 8
    for row in rows:
        assert row.values["accuracy_macro"] == round(mean_of_skills(row.values) + 1e-9, 4), row.model
        assert row.checked == "accuracy_macro"
        assert not row.contradicts_itself


def test_the_overall_accuracy_of_2026_is_that_of_all_questions():
    """One set of skill proportions gives all nine figures, and they are not means of five."""
    rows = vqa("2026-08")
    skills = np.array([[r.values[k] for k in SKILLS] for r in rows])
    overall = np.array([r.values["accuracy"] for r in rows])
    shares, *_ = np.linalg.lstsq(skills, overall, rcond=None)
    assert len(rows) == 9
    assert np.abs(skills @ shares - overall).max() < 2.5e-4
    assert shares.sum() == pytest.approx(1, abs=0.002)
    assert shares.tolist() == pytest.approx([0.171, 0.006, 0.061, 0.382, 0.381], abs=0.005)
    assert np.abs(skills.mean(axis=1) - overall).min() > 0.003
    assert "accuracy_macro" not in rows[0].values


def test_a_mean_that_the_skills_contradict():
    values = dict(vqa("2025-09-05")[0].values)
    assert consistent_mean(values | {"accuracy_macro": 0.8218})
    assert not consistent_mean(values | {"accuracy_macro": 0.8220})
    assert consistent_mean(values | {"accuracy_negation": None, "accuracy_macro": 0.9})
    row = replace(vqa("2025-09-05")[0], values=values | {"accuracy_macro": 0.9})
    assert row.contradicts_itself
    assert row.from_parts == pytest.approx(0.82174)


def test_readers_of_another_sample_are_compared_with_nothing():
    (human, machine) = vqa("2025-06-04")
    assert (human.values, machine.values) == ({"accuracy_of_200": 0.7727}, {"accuracy_of_200": 0.8384})
    best = best_reported(load_reported(FOLDER))["rexvqa"]["answers"]
    assert best["accuracy_macro"] == pytest.approx(0.8922)
    assert best["accuracy"] == 0.94


def test_every_snapshot_names_its_source():
    for path in FOLDER.glob("*.csv"):
        assert path.read_text("utf-8").startswith("# Source: "), path


HEADER = "dataset,track,model,institution,year,link,metric,value\n"
CHANGES = {
    "another header": "a,b\n1,2\n",
    "a source alone": "# Source: x\n",
    "a source below the header": HEADER + "# Source: x\n",
    "a blank line before the header": "\n" + HEADER,
    "a track of another task": HEADER + "mimic-cxr,answers,m,i,2024,,accuracy,0.1\n",
    "columns in another order": HEADER.replace("dataset,track", "track,dataset"),
    "a cell too few": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2\n",
    "a cell too many": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,0.1,x\n",
    "a value as text": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,high\n",
    "no dataset": HEADER + "mimic-cxt,report,m,i,2024,,bleu_2,0.1\n",
    "no track": HEADER + "mimic-cxr,reports,m,i,2024,,bleu_2,0.1\n",
    "NaN": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,nan\n",
    "infinite": HEADER + "mimic-cxr,report,m,i,2024,,bleu_2,1e999\n",
    "an open quote": HEADER + 'mimic-cxr,report,"m,i,2024,,bleu_2,0.1\n',
    "an endless cell": HEADER + f"mimic-cxr,report,{'m' * 200_000},i,2024,,bleu_2,0.1\n",
}


def refused(folder):
    with pytest.raises(
        RexrankError, match=r"x\.csv is not a table of reported rows: .+ git checkout HEAD -- "
    ):
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
def test_anything_but_a_table_is_named_without_blocking(tmp_path, name):
    (tmp_path / "x.csv").write_text(HEADER)
    DAMAGE[name](tmp_path / "x.csv")
    refused(tmp_path)
