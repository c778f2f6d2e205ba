"""Every ranked model against every baseline: one family, three outcomes, gains with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support import tables

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.null_tests import add_null_tests, gain_ends
from evaluator.leaderboard.table_files import baseline_words, table_csv, table_markdown
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import Board
from evaluator.statistics.bootstrap import clusters_of, draw_means
from evaluator.statistics.significance import sign_flip

BOARD = Board(get_dataset("sandbox"), "findings")
NULLS = ("baseline/normal-template", "baseline/shuffled-references")
RNG = np.random.default_rng(5)
N = 90
BASE = RNG.uniform(0.2, 0.5, N)
SCORES = {
    "t/good": BASE + 0.2 + RNG.normal(0, 0.02, N),
    "t/little": BASE + 0.004,
    "t/same": BASE.copy(),
    "t/bad": BASE - 0.15 + RNG.normal(0, 0.02, N),
    NULLS[0]: BASE,
    NULLS[1]: BASE - 0.05 + RNG.normal(0, 0.02, N),
}


def frame(values, n=N):
    return pd.DataFrame(
        {
            "study_id": [f"s{i}" for i in range(n)],
            "patient": [f"p{i // 2}" for i in range(n)],
            "bleu_2": values[:n],
        }
    )


def made(n=N):
    models = [i for i in SCORES if i.startswith("t/")]
    gain = {"null": NULLS[0], "gain": 0.1}
    rows = [tables.row(i, metrics={"bleu_2": tables.cell(0.5, gain_over_null=gain)}) for i in models]
    nulls = [tables.row(i, kind="null", metrics={"bleu_2": tables.cell(0.4)}) for i in NULLS]
    of = tables.typed(tables.table(*rows, nulls=nulls))
    frames = {i: frame(v, n) for i, v in SCORES.items()}
    draws = MetricDraws(BOARD, "d", frames, dict.fromkeys(frames, ("bleu_2",)))
    return add_null_tests(of, draws, gain_ends("bleu_2", of, draws))


@pytest.fixture(scope="module")
def table():
    return made()


def test_outcomes(table):
    outcomes = {r.id: tuple(t.outcome for t in r.against_nulls) for r in table.rows}
    assert outcomes == {
        "t/good": ("clears", "clears"),
        "t/little": ("not_shown", "clears"),
        "t/same": ("not_shown", "clears"),
        "t/bad": ("below", "below"),
    }
    assert [r.against_baselines for r in table.rows] == ["clears", "not_shown", "not_shown", "below"]


def test_a_copy_of_a_baseline_has_p_1(table):
    (same,) = [r for r in table.rows if r.id == "t/same"]
    assert (same.against_nulls[0].p, str(same.against_nulls[0].gain)) == (1.0, "0.0")


def test_models_and_baselines_are_one_family(table):
    order = [r.id for r in table.rows]
    values = np.column_stack([SCORES[i] for i in (*order, *NULLS)])
    clusters = clusters_of(frame(BASE)["patient"].tolist())
    pairs = [(a, len(order) + b) for a in range(len(order)) for b in range(2)]
    tests = sign_flip(values, clusters, board_seed(BOARD, "d"), pairs=pairs)
    assert [t.p for r in table.rows for t in r.against_nulls] == tests.p_adjusted.tolist()
    assert (tests.p_adjusted >= tests.p).all()
    every = sign_flip(values, clusters, board_seed(BOARD, "d"))
    raw = dict(zip(zip(every.a, every.b, strict=True), every.p, strict=True))
    assert tests.p.tolist() == [raw[p] for p in pairs]


def test_gains_have_the_interval_of_the_paired_difference(table):
    clusters = clusters_of(frame(BASE)["patient"].tolist())
    blocks = [SCORES[i][:, None] for i in ("t/good", NULLS[0])]
    model, null = draw_means(blocks, clusters, board_seed(BOARD, "d"))
    low, high = np.quantile(model - null, [0.025, 0.975])
    gain = table.rows[0].metrics["bleu_2"].gain_over_null
    assert (gain.low, gain.high) == pytest.approx((low, high), abs=1e-6)
    test = table.rows[0].against_nulls[0]
    assert (test.low, test.high) == pytest.approx((low, high), abs=1e-6)


def test_few_patients_have_no_interval():
    few = made(40)
    assert {t.low for r in few.rows for t in r.against_nulls} == {None}
    assert few.rows[0].against_nulls[0].outcome == "clears"


def test_tables_say_who_does_not_clear_the_baselines(table):
    assert baseline_words(table.rows[0]) == ""
    assert baseline_words(table.rows[1]) == "does not clear Normal template"
    assert baseline_words(table.rows[3]) == "below Normal template, Another patient's reference"
    assert "bad\\: below Normal template" in table_markdown(table)
    assert [line.rpartition("submission,active,2026-01-02,")[2].partition(",")[0] for line in table_csv(table).splitlines()[1:5]] == [
        "clears", "not_shown", "not_shown", "below"
    ]  # fmt: skip
