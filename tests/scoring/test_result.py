"""Results of scoring: means, intervals over patients, paired tests, tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.needs import needs_rouge

from evaluator import Scorer
from evaluator.core.problems import InputError
from evaluator.core.types import Scores
from evaluator.scoring.engine import Scored
from evaluator.scoring.result import Result
from evaluator.statistics import bootstrap

RNG = np.random.default_rng(7)
IDS = tuple(f"s{i}" for i in range(80))
PATIENTS = tuple(f"p{i // 2}" for i in range(80))
LOW = RNG.random(80)


def result(values, *, patients=(), failed=(), ids=IDS, key="bleu_2"):
    scored = Scorer(key).score([("1", "a", "a")])
    marks = np.isin(ids, failed)
    return Result(ids, {key: Scores(np.asarray(values), marks)}, scored.signatures, {}, patients)


def test_means_with_intervals_of_the_bootstrap_over_patients():
    by_patient = result(np.repeat(LOW[:40], 2), patients=PATIENTS).table().loc["bleu_2"]
    by_study = result(np.repeat(LOW[:40], 2)).table().loc["bleu_2"]
    assert by_patient["mean"] == by_study["mean"] == pytest.approx(LOW[:40].mean())
    assert by_patient["low"] < by_study["low"] < by_patient["mean"] < by_study["high"] < by_patient["high"]
    ratio = (by_patient.high - by_patient.low) / (by_study.high - by_study.low)
    assert ratio == pytest.approx(2**0.5, rel=0.1), "two equal studies of a patient are one"
    assert (by_patient.n, by_patient.n_failed, by_patient.higher_is_better) == (80, 0, True)


@needs_rouge
def test_the_same_pairs_give_the_same_intervals_whatever_else_was_scored():
    rows = [(str(i), f"no effusion {i % 5}", f"effusion {i % 7}") for i in range(40)]
    alone = Scorer("bleu_2").score(rows).intervals()
    beside = Scorer(["rouge_l", "bleu_2"]).score(rows).intervals()
    assert alone["bleu_2"] == beside["bleu_2"]


def test_few_patients_get_no_interval():
    few = result(LOW, patients=tuple(f"p{i % 29}" for i in range(80)))
    assert few.table()[["low", "high"]].isna().all(axis=None)
    assert few.to_dict()["means"]["bleu_2"]["low"] is None
    assert bootstrap.MIN_CLUSTERS == 30


def test_a_frame_has_one_row_per_pair():
    frame = result(LOW, patients=PATIENTS, failed=("s3",)).to_frame()
    assert list(frame.columns) == ["patient", "bleu_2", "n_failed"]
    assert frame.index.name == "id"
    assert frame.n_failed["s3"] == frame.n_failed.sum() == 1
    assert (frame.bleu_2 == LOW).all()
    assert list(result(LOW).to_frame().columns) == ["bleu_2", "n_failed"]


def test_comparison_is_paired_and_does_not_depend_on_order():
    first, second = result(LOW + 0.05), result(LOW)
    row = first.compare(second).loc["bleu_2"]
    assert row.difference == pytest.approx(0.05)
    assert row.low == pytest.approx(0.05), "a constant difference has no spread"
    assert (row.better, row.p_holm < 0.001) == ("this", True)
    assert second.compare(first).loc["bleu_2", "better"] == "other"
    turned = result(LOW[::-1], ids=IDS[::-1])
    pd.testing.assert_frame_equal(first.compare(turned), first.compare(second))
    same = first.compare(first).loc["bleu_2"]
    assert (same.p, same.better, same.difference) == (1.0, "", 0.0)


def test_lower_is_better_where_the_metric_says_so():
    scored = Scored(IDS, {"radcliq_v1": Scores(LOW, np.zeros(80, bool))}, {"radcliq_v1": "s"}, {})
    high = Result(scored.ids, scored.scores, scored.signatures, {})
    low = Result(scored.ids, {"radcliq_v1": Scores(LOW - 0.2, np.zeros(80, bool))}, scored.signatures, {})
    assert low.compare(high).loc["radcliq_v1", "better"] == "this"


@needs_rouge
def test_results_that_are_not_comparable_are_refused():
    mine = result(LOW)
    with pytest.raises(InputError, match="80 ids only in this one, 80 only in the other"):
        mine.compare(result(LOW, ids=tuple(f"t{i}" for i in range(80))))
    with pytest.raises(InputError, match="no metric in common"):
        mine.compare(result(LOW, key="rouge_l"))
    compat = Scorer("bleu_2", protocol="compat").score([("1", "a", "a")])
    other = Result(IDS, mine.scores, compat.signatures, {})
    with pytest.raises(InputError, match="computed in two ways"):
        mine.compare(other)
