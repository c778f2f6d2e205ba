"""Baselines of report generation and sanity bands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import RexrankError
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.metrics.registry import get_metric, metric_keys, presets
from evaluator.scoring.bands import check_bands
from evaluator.scoring.baselines import gain_over_null
from evaluator.scoring.null_reports import (
    NORMAL_FINDINGS,
    best_constant,
    null_reports,
    probe_reports,
    shuffled_references,
)


def references(patients, missing=()):
    return {
        f"s{i:02}": Reference(f"s{i:02}", None if i in missing else f"findings {i}", f"impression {i}", p, {})
        for i, p in enumerate(patients)
    }


def test_baselines_depend_on_the_available_data():
    refs = references("abcd")
    assert set(null_reports(refs, seed="x")) == {"normal-template", "shuffled-references"}
    training = [StudyReport(f"clear lungs {i}", "normal") for i in range(5)]
    rows = null_reports(refs, training, seed="x")
    assert set(rows) == set(TASK.baselines)
    assert all(set(row) == set(refs) for row in rows.values())
    assert len(set(rows["best-constant"].values())) == 1
    assert set(rows["random-training-report"].values()) <= set(training)
    assert rows["normal-template"]["s00"].findings == NORMAL_FINDINGS
    assert rows == null_reports(refs, training, seed="x")
    assert (
        rows["shuffled-references"] != null_reports(references("abcdefghij"), seed="y")["shuffled-references"]
    )


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=30), st.sets(st.integers(0, 29)))
def test_nobody_gets_a_reference_of_their_own_patient(patients, missing):
    refs = references(patients, missing)
    if len(set(patients)) < 2:
        with pytest.raises(RexrankError, match="single patient"):
            shuffled_references(refs, "x")
        return
    owner = {(r.findings or "", r.impression): r.patient for r in refs.values()}
    for study, report in shuffled_references(refs, "x").items():
        assert owner[report.findings, report.impression] != refs[study].patient


def test_shuffling_is_a_permutation_where_it_can_be():
    refs = references("aabbccdd")
    given_away = sorted(r.findings for r in shuffled_references(refs, "x").values())
    assert given_away == sorted(r.findings for r in refs.values())


def test_shuffling_within_strata():
    refs = references("abcdefgh")
    strata = {i: "normal" if k < 4 else "abnormal" for k, i in enumerate(sorted(refs))}
    where = {r.findings: strata[i] for i, r in refs.items()}
    assert all(where[r.findings] == strata[i] for i, r in shuffled_references(refs, "x", strata).items())


def test_the_best_constant_is_the_most_central_training_report():
    training = [StudyReport("the lungs are clear", None)] * 3
    training += [
        StudyReport("the lungs are clear and the heart is normal", None),
        StudyReport("q r s t u", None),
    ]
    assert best_constant(training, "x") == StudyReport("the lungs are clear", "")


def good():
    return {
        "itself": {"bleu_2": 0.99, "radcliq_v1": -1.4},
        "empty": {"bleu_2": 0.0, "radcliq_v1": 2.45},
        "shuffled": {"bleu_2": 0.2, "radcliq_v1": 1.2},
    }


def test_bands_accept_working_metrics():
    check_bands(good(), "iu-xray.findings")
    check_bands({}, "nothing")


@pytest.mark.parametrize(
    ("probe", "key", "value", "message"),
    [
        ("itself", "bleu_2", 0.5, "bleu_2 of itself is 0.5000, wanted 0.9 to 1"),
        ("empty", "bleu_2", 0.1, "bleu_2 of empty is 0.1000"),
        ("itself", "radcliq_v1", 1.4, "does no better than a shuffled"),
        ("shuffled", "radcliq_v1", -1.4, "radcliq_v1 of shuffled is -1.4000"),
    ],
)
def test_bands_stop_a_broken_metric(probe, key, value, message):
    means = good()
    means[probe][key] = value
    with pytest.raises(RexrankError, match=message):
        check_bands(means, "iu-xray.findings")


def test_every_metric_of_the_board_has_a_band():
    assert set(presets()["rexrank-2026"]) < {k for k in metric_keys() if get_metric(k).band}


def test_the_probes():
    refs = references("ab", missing={0, 1})
    probes = probe_reports(refs, "x")
    assert probes["itself"]["s00"] == StudyReport("", "impression 0")
    assert probes["empty"]["s01"] == StudyReport("", "")
    assert probes["shuffled"]["s00"].impression == "impression 1"


def test_gain_over_the_best_of_several_baselines():
    assert gain_over_null(0.3, {"a": 0.1, "b": 0.2}, higher_is_better=True) == ("b", pytest.approx(0.1))
    assert gain_over_null(0.5, {"a": 0.9, "b": 0.8}, higher_is_better=False) == ("b", pytest.approx(0.3))
    assert gain_over_null(0.5, {}, higher_is_better=True) is None
    assert str(gain_over_null(0.5, {"a": 0.5}, higher_is_better=False)) == "('a', 0.0)"


@pytest.mark.parametrize("noise", [-1e-9, 0, 1e-9])
@pytest.mark.parametrize("higher", [True, False])
def test_of_equal_baselines_the_first_by_name_is_named(noise, higher):
    name, gain = gain_over_null(0.5, {"b": 0.2 + noise, "a": 0.2}, higher_is_better=higher)
    assert (name, gain) == ("a", 0.3 if higher else -0.3)
