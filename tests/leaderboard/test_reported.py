"""Published rows: what contradicts itself, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RexrankError, match=r"x\.csv is no table of reported rows"):
        load_reported(tmp_path)
